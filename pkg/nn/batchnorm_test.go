package nn

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
)

// TestNormalise compares the written-out gradient with what GoMLX derives from the plain formula.
func TestNormalise(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		plain := func(in []*graph.Node) *graph.Node {
			x := in[0]
			mean := graph.ReduceMean(x, 0, 1, 2)
			centred := graph.Sub(x, perChannel(mean))
			variance := graph.ReduceMean(graph.Square(centred), 0, 1, 2)
			scale := graph.Div(in[1], graph.Sqrt(graph.AddScalar(variance, Epsilon)))
			return graph.Add(graph.Mul(centred, perChannel(scale)), perChannel(in[2]))
		}
		ours := func(in []*graph.Node) *graph.Node {
			x := in[0]
			mean := graph.StopGradient(channelMean(x))
			variance := graph.StopGradient(channelMean(graph.Square(graph.Sub(x, perChannel(mean)))))
			return normalise(x, in[1], in[2], mean, graph.StopGradient(graph.Rsqrt(graph.AddScalar(variance, Epsilon))))
		}
		for _, x := range [][]int{{3, 4, 4, 5}, {2, 129, 128, 2}} { // few positions for channelMean to sum, and many
			graphtest.RequireSame(t, b, plain, ours, x, graphtest.Random(x...), graphtest.Random(x[3]), graphtest.Random(x[3]))
		}
	})
}

// TestRunningStatistics follows a batch norm through three training steps and an evaluation, with the
// formulas in plain Go.
func TestRunningStatistics(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		const channels, positions = 2, 3 * 2 * 2
		x := graphtest.Random(3, 2, 2, channels)
		store := model.NewStore()
		for name, v := range map[string]float32{"weight": 1.5, "bias": 0.25, "running_mean": 0, "running_var": 1} {
			_, err := store.CreateVariable("/bn/"+name, tensors.FromFlatDataAndDimensions([]float32{v, v}, channels))
			require.NoError(t, err)
		}
		run := func(training bool) []float32 {
			exec, err := model.NewExec(b, store, func(s *model.Scope, x *graph.Node) *graph.Node {
				s.Store().SetTraining(x.Graph(), training)
				return NewVariables(s, x.Graph()).BatchNorm(x, "bn")
			})
			require.NoError(t, err)
			defer exec.Finalize()
			y, err := exec.Call1(x)
			require.NoError(t, err)
			return tensors.MustCopyFlatData[float32](y)
		}
		values := tensors.MustCopyFlatData[float32](x)
		var mean, variance [channels]float64
		for i, v := range values {
			mean[i%channels] += float64(v) / positions
		}
		for i, v := range values {
			variance[i%channels] += math.Pow(float64(v)-mean[i%channels], 2) / positions
		}

		var trained []float32
		for range 3 {
			trained = run(true)
		}
		evaluated := run(false)
		left := math.Pow(Momentum, 3) // of the initial statistics
		for i, v := range values {
			c := i % channels
			want := 1.5*(float64(v)-mean[c])/math.Sqrt(variance[c]+Epsilon) + 0.25
			require.InDelta(t, want, trained[i], 1e-5, "training, element %d", i)
			runningMean := (1 - left) * mean[c]
			runningVar := left + (1-left)*variance[c]*positions/(positions-1) // unbiased
			want = 1.5*(float64(v)-runningMean)/math.Sqrt(runningVar+Epsilon) + 0.25
			require.InDelta(t, want, evaluated[i], 1e-5, "evaluation, element %d", i)
		}
	})
}

// One image of one position has no variance. PyTorch refuses it, too ("Expected more than 1 value per channel when training").
func TestOneValuePerChannel(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		store := model.NewStore()
		for _, name := range []string{"weight", "bias", "running_mean", "running_var"} {
			_, err := store.CreateVariable("/bn/"+name, tensors.FromFlatDataAndDimensions([]float32{1, 1}, 2))
			require.NoError(t, err)
		}
		for _, training := range []bool{false, true} {
			_, err := model.CallOnce(b, store, func(s *model.Scope, x *graph.Node) *graph.Node {
				s.Store().SetTraining(x.Graph(), training)
				return NewVariables(s, x.Graph()).BatchNorm(x, "bn")
			}, graphtest.Random(1, 1, 1, 2))
			if training {
				require.ErrorContains(t, err, "want at least 2: use more images")
			} else {
				require.NoError(t, err)
			}
		}
	})
}
