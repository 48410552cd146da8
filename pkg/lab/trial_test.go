package lab

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/runner"
)

// biases is a network whose logits are ten numbers, the same for all images; it notes the batches it is built for.
type biases struct{ batches map[int]bool }

func (biases) String() string { return "biases" }

func (biases) Params() []nn.Param {
	return []nn.Param{{Name: "bias", Dims: []int{1, cifar.NumClasses}, Trainable: true}}
}

func (m biases) Init(store *model.Store, _ uint64) error {
	return nn.CreateVariables(store, m.Params(), func(p nn.Param) []float32 { return make([]float32, p.Size()) })
}

func (m biases) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	batch := images.Shape().Dim(0)
	m.batches[batch] = true
	return graph.BroadcastToDims(scope.Store().GetVariable("/bias").NodeValue(images.Graph()), batch, cifar.NumClasses)
}

func TestCompile(t *testing.T) {
	b, err := backend.New(backend.PureGo, nil)
	require.NoError(t, err)
	t.Cleanup(b.Finalize)
	m := biases{map[int]bool{}}
	require.NoError(t, Compile(b, m))
	require.Equal(t, map[int]bool{64: true, runner.EvalBatch: true}, m.batches, "the batches of training and of evaluation")
}

func TestMedianStepSeconds(t *testing.T) {
	t.Parallel()
	h := runner.History{Steps: []runner.Step{{Seconds: 99}, {Seconds: 3}, {Seconds: 1}, {Seconds: 2}}}
	s, err := MedianStepSeconds(&h)
	require.NoError(t, err)
	require.Equal(t, 2.0, s)
	h.Steps = append(h.Steps, runner.Step{Seconds: 5})
	s, err = MedianStepSeconds(&h)
	require.NoError(t, err)
	require.Equal(t, 2.5, s, "the mean of the two in the middle")
	h.Steps = h.Steps[:1]
	_, err = MedianStepSeconds(&h)
	require.ErrorContains(t, err, "got 1 steps")
}
