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
// 0.999, epsilon 1e-8. With ∇ the gradient of a variable θ, step t = 1, 2, … is
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

// AdamW is Adam with the decay taken out of the moments (Loshchilov and Hutter 2019, algorithm 2, as
// https://docs.pytorch.org/docs/2.9/generated/torch.optim.AdamW.html has it): in the formulas of AdamL2 g is ∇
// alone, and the last one subtracts η·λ·θ besides. It is GoMLX's Adam with PyTorch's epsilon, 1e-8.
func AdamW(learningRate, weightDecay float64) optimizer.Interface {
	return optimizer.Adam().LearningRate(learningRate).Epsilon(1e-8).WeightDecay(weightDecay).Done()
}

// withGradients is what GoMLX's optimizers offer besides optimizer.Interface.
type withGradients interface {
	UpdateGraphWithGradients(scope *model.Scope, grads []*graph.Node, lossDType dtypes.DType)
}

// coupledL2 adds λ·θ to the gradients that an optimizer gets.
type coupledL2 struct {
	optimizer.Interface
	weightDecay float64
	spared      func(*model.Variable) bool // variables without decay; nil is none
}

// UpdateGraph implements optimizer.Interface.
func (o *coupledL2) UpdateGraph(scope *model.Scope, g *graph.Graph, loss *graph.Node) {
	grads := scope.BuildTrainableVariablesGradientsGraph(loss)
	for i, v := range trainable(scope, g) {
		if o.spared != nil && o.spared(v) {
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

// decoupledDecay takes η·λ·θ off the kernels before an optimizer without decay makes its step: AdamW for some of the
// variables, which GoMLX's does for all or none.
type decoupledDecay struct {
	optimizer.Interface
	learningRate, weightDecay float64
}

// UpdateGraph implements optimizer.Interface.
func (o *decoupledDecay) UpdateGraph(scope *model.Scope, g *graph.Graph, loss *graph.Node) {
	grads := scope.BuildTrainableVariablesGradientsGraph(loss)
	rate := optimizer.LearningRateVar(scope, loss.DType(), o.learningRate).NodeValue(g)
	for _, v := range trainable(scope, g) {
		if isKernel(v) {
			keep := graph.OneMinus(graph.MulScalar(rate, o.weightDecay))
			v.SetNodeValue(graph.Mul(v.NodeValue(g), keep))
		}
	}
	o.Interface.(withGradients).UpdateGraphWithGradients(scope, grads, loss.DType())
}

// isKernel tells the weights of convolutions and dense layers from biases and batch norm's parameters, which are vectors.
func isKernel(v *model.Variable) bool { return v.Shape().Rank() > 1 }
