package runner

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// AdamL2 is Adam as the chapter configures it, paddle.optimizer.Adam(weight_decay=λ): λ·θ is added to the
// gradient of every trainable variable before Adam's moments see it ("coupled" L2, as PyTorch's Adam has
// it too). GoMLX's Adam().WeightDecay is AdamW, which decays beside the moments instead. Betas 0.9 and
// 0.999, epsilon 1e-8 (Kingma and Ba 2015, algorithm 1).
func AdamL2(learningRate, weightDecay float64) optimizer.Interface {
	adam := optimizer.Adam().LearningRate(learningRate).Epsilon(1e-8).Done()
	return &coupledL2{Interface: adam, weightDecay: weightDecay}
}

// withGradients is what GoMLX's optimizers offer besides optimizer.Interface.
type withGradients interface {
	UpdateGraphWithGradients(scope *model.Scope, grads []*graph.Node, lossDType dtypes.DType)
}

type coupledL2 struct {
	optimizer.Interface
	weightDecay float64
}

// UpdateGraph implements optimizer.Interface.
func (o *coupledL2) UpdateGraph(scope *model.Scope, g *graph.Graph, loss *graph.Node) {
	grads := scope.BuildTrainableVariablesGradientsGraph(loss)
	i := 0
	for v := range scope.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			grads[i] = graph.Add(grads[i], graph.MulScalar(v.NodeValue(g), o.weightDecay))
			i++
		}
	}
	o.Interface.(withGradients).UpdateGraphWithGradients(scope, grads, loss.DType())
}
