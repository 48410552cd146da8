package optim

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// AdamL2 is Adam as the chapter configures it, paddle.optimizer.Adam(weight_decay=λ): λ·θ is added to the gradient of every
// trainable variable before Adam's moments see it ("coupled" L2, as in PyTorch's Adam). GoMLX's Adam().WeightDecay is AdamW,
// whose decay bypasses the moments. Betas are 0.9 and 0.999, epsilon is 1e-8. With ∇ the gradient of a variable θ, step
// t = 1, 2, … is
//
//	g ← ∇ + λ·θ
//	m ← 0.9·m + 0.1·g                        from m = 0
//	v ← 0.999·v + 0.001·g²                   from v = 0
//	θ ← θ - η·(m/(1-0.9ᵗ)) / (√(v/(1-0.999ᵗ)) + 1e-8)
//
// (Kingma and Ba 2015, algorithm 1; https://docs.pytorch.org/docs/2.9/generated/torch.optim.Adam.html).
func AdamL2(learningRate, weightDecay float64) optimizer.Interface {
	return &coupledL2{Interface: AdamW(learningRate, 0), weightDecay: weightDecay}
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2;
// https://docs.pytorch.org/docs/2.9/generated/torch.optim.AdamW.html): in the formulas of AdamL2, g is ∇ alone, and the last
// one also subtracts η·λ·θ. It is GoMLX's Adam with PyTorch's epsilon, 1e-8.
func AdamW(learningRate, weightDecay float64) optimizer.Interface {
	return optimizer.Adam().LearningRate(learningRate).Epsilon(1e-8).WeightDecay(weightDecay).Done()
}

// withGradients is the method that GoMLX's optimizers have in addition to optimizer.Interface.
type withGradients interface {
	UpdateGraphWithGradients(scope *model.Scope, grads []*graph.Node, lossDType dtypes.DType)
}

// coupledL2 adds λ·θ to the gradients before it passes them to an optimizer.
type coupledL2 struct {
	optimizer.Interface
	weightDecay float64
	exempt      func(*model.Variable) bool // reports whether a variable has no decay; nil means none
}

// UpdateGraph implements optimizer.Interface.
func (o *coupledL2) UpdateGraph(scope *model.Scope, g *graph.Graph, loss *graph.Node) {
	grads := scope.BuildTrainableVariablesGradientsGraph(loss)
	for i, v := range trainable(scope, g) {
		if o.exempt != nil && o.exempt(v) {
			continue
		}
		grads[i] = graph.Add(grads[i], graph.MulScalar(v.NodeValue(g), o.weightDecay))
	}
	o.Interface.(withGradients).UpdateGraphWithGradients(scope, grads, loss.DType())
}

// trainable lists the variables that BuildTrainableVariablesGradientsGraph returns gradients for, in its order.
func trainable(scope *model.Scope, g *graph.Graph) []*model.Variable {
	var vars []*model.Variable
	for v := range scope.IterVariables() {
		if v.Trainable && v.InUseByGraph(g) {
			vars = append(vars, v)
		}
	}
	return vars
}
