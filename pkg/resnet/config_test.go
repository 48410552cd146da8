package resnet

import (
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
)

func TestConfigString(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ResNet-18, imagenet stem, 1000 classes", Config{}.String())
	require.Equal(t, "ResNet-34, imagenet stem, 100 classes", Config{Depth: 34, NumClasses: 100}.String())
	require.Equal(t, "plain 18-layer network (no shortcuts), cifar stem, 10 classes", Config{NumClasses: 10, Plain: true, Stem: CIFARStem}.String())
}

// TestInitKeepsWhatIsThere: Init fills in what is missing and leaves the rest, say loaded weights.
func TestInitKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	c := Custom(3, 2, true)
	store := model.NewStore()
	require.NoError(t, nn.SetValues(store, nn.Param{Name: "fc.bias", Dims: []int{2}, Trainable: true}, []float32{5, 6}))
	require.NoError(t, c.Init(store, 1))
	require.Equal(t, []float32{5, 6}, values(t, c, store, "fc.bias"))
	require.Equal(t, len(c.Params()), store.NumVariables())
}

// TestLogitsErrors: the graph builder's panics come out of Exec as errors that say what is wrong.
func TestLogitsErrors(t *testing.T) {
	b := graphtest.Start(t, "go")
	c := Custom(3, 10, true)
	store := initialised(t, c, 1)
	for name, test := range map[string]struct {
		store *model.Store
		dims  []int
		want  string
	}{
		"without Init":    {model.NewStore(), []int{1, 32, 32, 3}, `"conv1.weight" is not in the store: call the network's Init first`},
		"channels":        {store, []int{1, 32, 32, 1}, "[1, 32, 32, 1]"},
		"channels first":  {store, []int{1, 3, 32, 32}, "[1, 3, 32, 32]"},
		"not a square":    {store, []int{1, 32, 16, 3}, "[1, 32, 16, 3]"},
		"without a batch": {store, []int{32, 32, 3}, "32 32 3"},
	} {
		t.Run(name, func(t *testing.T) {
			exec, err := model.NewExec(b, test.store, c.Logits)
			require.NoError(t, err)
			_, err = exec.Call1(graphtest.Random(test.dims...))
			require.ErrorContains(t, err, test.want)
		})
	}
}
