package resnet

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
)

// trainingMode returns the logits of a network in training mode, and the stem's running variance after it.
func trainingMode(t *testing.T, b compute.Backend, c Config) (logits, variance []float32) {
	t.Helper()
	store := model.NewStore()
	require.NoError(t, c.Init(store, 1))
	exec, err := model.NewExec(b, store, func(s *model.Scope, x *graph.Node) *graph.Node {
		s.Store().SetTraining(x.Graph(), true)
		return c.Logits(s, x)
	})
	require.NoError(t, err)
	defer exec.Finalize()
	y, err := exec.Call1(graphtest.Random(32, 32, 32, 3))
	require.NoError(t, err)
	require.Equal(t, dtypes.Float32, y.DType())
	variance, err = nn.Values(store, nn.Param{Name: "bn1.running_var", Dims: []int{64}})
	require.NoError(t, err)
	return tensors.MustCopyFlatData[float32](y), variance
}

// TestBFloat16Network wants the logits and statistics in bfloat16 to be close to those in float32 and not the same. 8 bits of
// mantissa are an error of up to 1/256 for each factor, and the network has 20 convolutions.
func TestBFloat16Network(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		c := Config{NumClasses: 10, Lowering: "native"}
		y, v := trainingMode(t, b, c)
		c.BFloat16 = true
		y16, v16 := trainingMode(t, b, c)
		require.InDelta(t, 0.05, graphtest.Distance(y, y16), 0.0499)
		require.Less(t, graphtest.Distance(v, v16), 1e-3)
		require.NotEqual(t, v, v16)
	})
}
