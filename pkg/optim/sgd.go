package optim

import (
	"path"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// SGD is stochastic gradient descent with momentum and L2, as torch.optim.SGD computes it: the usual recipe for residual
// networks (He et al. 2015: momentum 0.9, weight decay 1e-4). With ∇ the gradient, θ a trainable
// variable, λ the weight decay, μ the momentum and η the learning rate, one step is
//
//	g ← ∇ + λ·θ
//	b ← μ·b + g              from b = 0
//	θ ← θ - η·b              or, with Nesterov's momentum, θ - η·(g + μ·b)
//
// (https://docs.pytorch.org/docs/2.9/generated/torch.optim.SGD.html with dampening 0; Sutskever et al. 2013).
// Paddle's Momentum(use_nesterov, weight_decay=L2Decay(λ)) is the same. GoMLX's own SGD has neither momentum nor decay.
func SGD(learningRate, momentum float64, nesterov bool, weightDecay float64) optimizer.Interface {
	return &coupledL2{
		Interface:   &momentumSGD{learningRate: learningRate, momentum: momentum, nesterov: nesterov},
		weightDecay: weightDecay,
	}
}

// momentumScope is the store's scope for b of each trainable variable.
const momentumScope = "Momentum"

type momentumSGD struct {
	learningRate, momentum float64
	nesterov               bool
	muonRate, muonMomentum float64 // see Options
}

// UpdateGraph implements optimizer.Interface.
func (o *momentumSGD) UpdateGraph(scope *model.Scope, _ *graph.Graph, loss *graph.Node) {
	o.UpdateGraphWithGradients(scope, scope.BuildTrainableVariablesGradientsGraph(loss), loss.DType())
}

// UpdateGraphWithGradients takes the gradients in the order of the trainable variables that the graph uses.
func (o *momentumSGD) UpdateGraphWithGradients(scope *model.Scope, grads []*graph.Node, lossDType dtypes.DType) {
	g := grads[0].Graph()
	optimizer.IncrementGlobalStep(g, lossDType)
	rate := optimizer.LearningRateVar(scope, lossDType, o.learningRate).NodeValue(g)
	for i, v := range trainable(scope, g) {
		muon, momentum := o.muonRate > 0 && isConvKernel(v), o.momentum
		if muon {
			momentum = o.muonMomentum
		}
		b := o.buffer(scope, v)
		step := graph.Add(graph.MulScalar(b.NodeValue(g), momentum), grads[i])
		b.SetNodeValue(step)
		if o.nesterov {
			step = graph.Add(grads[i], graph.MulScalar(step, momentum))
		}
		if muon { // rate includes the schedule's factor
			v.SetNodeValue(muonUpdate(v.NodeValue(g), step, graph.MulScalar(rate, o.muonRate/o.learningRate)))
			continue
		}
		v.SetNodeValue(graph.Sub(v.NodeValue(g), graph.Mul(rate, step)))
	}
}

// buffer returns the variable b of v, which starts at zero.
func (o *momentumSGD) buffer(scope *model.Scope, v *model.Variable) *model.Variable {
	s := scope.Store().Scope(path.Join("/", momentumScope, v.Scope())).WithInitializer(initializer.Zero)
	return s.VariableWithShape(v.Name(), v.Shape()).SetTrainable(false)
}

// Clear implements optimizer.Interface.
func (o *momentumSGD) Clear(scope *model.Scope) error {
	return scope.Store().Scope("/" + momentumScope).DeleteVariablesInScope()
}
