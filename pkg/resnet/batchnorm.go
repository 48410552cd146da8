package resnet

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/backend"
)

const (
	// Momentum is the share of the old running statistics that a training step keeps. PyTorch writes the
	// same as momentum=0.1; Paddle writes 0.9.
	Momentum = 0.9
	// Epsilon is added to the variance, as in PyTorch and Paddle.
	Epsilon = 1e-5
)

// batchNorm is BatchNorm with the variables of that name.
func (n network) batchNorm(x *Node, name string) *Node {
	return BatchNorm(x, n.variable(name+".weight"), n.variable(name+".bias"),
		n.get(name+".running_mean"), n.get(name+".running_var"), n.scope.IsTraining(n.graph))
}

// BatchNorm normalises each channel of x [batch, h, w, channels] (Ioffe and Szegedy 2015, algorithm 1), scales it by weight
// and shifts it by bias, both [channels]: in training with the mean and variance of this batch, which also move the running
// statistics; in evaluation with the running statistics. It is written here because GoMLX's layer either needs an
// operation that the pure-Go backend lacks or stops the gradient through the batch statistics.
func BatchNorm(x, weight, bias *Node, runningMean, runningVar *model.Variable, training bool) *Node {
	mean, variance := runningMean.NodeValue(x.Graph()), runningVar.NodeValue(x.Graph())
	if !training {
		scale := Mul(weight, Rsqrt(AddScalar(variance, Epsilon)))
		return Add(Mul(x, perChannel(scale)), perChannel(Sub(bias, Mul(mean, scale))))
	}
	count := float64(x.Shape().Size() / x.Shape().Dim(3))
	batchMean := channelMean(x)
	batchVar := channelMean(Square(Sub(x, perChannel(batchMean))))
	unbiased := MulScalar(batchVar, count/(count-1)) // as PyTorch stores it
	runningMean.SetNodeValue(moveTo(mean, batchMean))
	runningVar.SetNodeValue(moveTo(variance, unbiased))
	return normalise(x, weight, bias, batchMean, Rsqrt(AddScalar(batchVar, Epsilon)))
}

// normalise is weight·x̂ + bias, x̂ = (x-mean)·inverseStd, with the gradient of batch normalisation, in which mean and
// inverseStd depend on x too: with E the mean over batch and positions (the paper's section 3),
//
//	dx = weight · inverseStd · (dy - E[dy] - x̂·E[dy·x̂]).
func normalise(x, weight, bias, mean, inverseStd *Node) *Node {
	mean, inverseStd = StopGradient(mean), StopGradient(inverseStd) // their share is in dx
	centred := func(x *Node) *Node { return Sub(x, perChannel(mean)) }
	return withGradient([]*Node{x, weight, bias}, func(in []*Node) *Node {
		return Add(Mul(centred(in[0]), perChannel(Mul(in[1], inverseStd))), perChannel(in[2]))
	}, func(in []*Node, dy *Node) []*Node {
		count := float64(x.Shape().Size() / x.Shape().Dim(3))
		normalised := Mul(centred(x), perChannel(inverseStd))
		meanDy, meanDyX := channelMean(dy), channelMean(Mul(dy, normalised))
		dx := Mul(perChannel(Mul(weight, inverseStd)), Sub(Sub(dy, perChannel(meanDy)), Mul(normalised, perChannel(meanDyX))))
		return []*Node{dx, MulScalar(meanDyX, count), MulScalar(meanDy, count)}
	})
}

// channelMean averages x [batch, h, w, channels] over all but the channels. As a product with a row of ones it takes a fifth of the
// time of XLA's reduction on the CPU, and with two equal rows half of that: XLA multiplies a single row on one core, by code that takes
// long to compile. On a GPU a product would round x to TF32.
func channelMean(x *Node) *Node {
	if backend.IsGPU(x.Graph().Backend()) {
		return ReduceMean(x, 0, 1, 2)
	}
	channels := x.Shape().Dim(3)
	count := x.Shape().Size() / channels
	ones := BroadcastToDims(Scalar(x.Graph(), x.DType(), 1/float64(count)), 2, count)
	return Reshape(Slice(MatMul(ones, Reshape(x, count, channels)), AxisRange(0, 1)), channels)
}

// moveTo is the exponential moving average.
func moveTo(running, batch *Node) *Node {
	return Add(MulScalar(running, Momentum), MulScalar(batch, 1-Momentum))
}

// perChannel shapes [channels] as [1, 1, 1, channels], to be combined with a batch of maps.
func perChannel(v *Node) *Node { return Reshape(v, 1, 1, 1, v.Shape().Dim(0)) }
