package experiments

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
)

// DeadWeights counts the trainable weights of a fresh network whose gradient of the cross-entropy over these images, without
// L2, is exactly zero. All images make one batch.
func DeadWeights(b compute.Backend, c resnet.Config, d *cifar.Dataset) (dead, total int, err error) {
	store := model.NewStore()
	defer store.Finalize()
	if err := c.Init(store, 100); err != nil {
		return 0, 0, err
	}
	exec, err := model.NewExec(b, store, func(scope *model.Scope, images, labels *graph.Node) *graph.Node {
		scope.Store().SetTraining(images.Graph(), true)
		logP := graph.LogSoftmax(c.Logits(scope, cifar.Normalize(images))) // [batch, classes]
		truth := graph.OneHot(labels, logP.Shape().Dim(-1), logP.DType())
		loss := graph.Neg(graph.ReduceAllMean(graph.ReduceSum(graph.Mul(truth, logP), -1)))
		count := graph.Scalar(images.Graph(), dtypes.Int32, 0)
		for _, g := range scope.BuildTrainableVariablesGradientsGraph(loss) {
			zero := graph.ConvertDType(graph.Equal(g, graph.ScalarZero(g.Graph(), g.DType())), dtypes.Int32)
			count = graph.Add(count, graph.ReduceAllSum(zero))
		}
		return count
	})
	if err != nil {
		return 0, 0, fmt.Errorf("experiments: %w", err)
	}
	defer exec.Finalize()
	labels := make([]int32, d.Len())
	for i, l := range d.Labels {
		labels[i] = int32(l)
	}
	images := tensors.FromFlatDataAndDimensions(d.Pixels, d.Len(), cifar.Height, cifar.Width, cifar.Channels)
	out, err := exec.Call1(images, tensors.FromFlatDataAndDimensions(labels, d.Len()))
	if err != nil {
		return 0, 0, fmt.Errorf("experiments: gradients of %v: %w", c, err)
	}
	return int(tensors.ToScalar[int32](out)), c.Summary().Params(), nil
}
