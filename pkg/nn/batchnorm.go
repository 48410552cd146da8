package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"

	"nndl.example/resnet18/pkg/internal/kind"
)

const (
	// Momentum is the share of the old running statistics that a training step keeps. Paddle calls it momentum=0.9, PyTorch
	// momentum=0.1.
	Momentum = 0.9
	// Epsilon is added to the variance, as in PyTorch and Paddle.
	Epsilon = 1e-5
)

// BatchNorm normalises each channel of x [batch, h, w, channels] (Ioffe and Szegedy 2015, algorithm 1), multiplies it by weight
// and adds bias, both [channels]. In training it uses the mean and variance of the batch, which also update the running
// statistics; in evaluation it uses the running statistics. In training each channel needs at least two values: the variance of one
// is not defined. BatchNorm panics otherwise; GoMLX makes that an error of the graph.
//
// GoMLX's layer is not used because it either needs an operation that the pure-Go backend lacks or stops the gradient through
// the batch statistics (bench/UPSTREAM.md).
func BatchNorm(x, weight, bias *Node, runningMean, runningVar *model.Variable, training bool) *Node {
	mean, variance := runningMean.NodeValue(x.Graph()), runningVar.NodeValue(x.Graph())
	if !training {
		scale := Mul(weight, Rsqrt(AddScalar(variance, Epsilon)))
		return Add(Mul(x, perChannel(scale)), perChannel(Sub(bias, Mul(mean, scale))))
	}
	count := float64(x.Shape().Size() / x.Shape().Dim(3))
	if count < 2 {
		exceptions.Panicf("nn: batch norm of %s in training has one value per channel, want at least 2: use more images", x.Shape())
	}
	batchMean := channelMean(x)
	batchVar := channelMean(Square(Sub(x, perChannel(batchMean))))
	unbiased := MulScalar(batchVar, count/(count-1)) // as PyTorch stores it
	runningMean.SetNodeValue(movingAverage(mean, batchMean))
	runningVar.SetNodeValue(movingAverage(variance, unbiased))
	return normalise(x, weight, bias, batchMean, Rsqrt(AddScalar(batchVar, Epsilon)))
}

// normalise is weight·x̂ + bias with x̂ = (x-mean)·inverseStd and the gradient of batch normalisation, in which mean and
// inverseStd also depend on x. With E the mean over batch and positions (section 3 of the paper):
//
//	dx = weight · inverseStd · (dy - E[dy] - x̂·E[dy·x̂]).
func normalise(x, weight, bias, mean, inverseStd *Node) *Node {
	mean, inverseStd = StopGradient(mean), StopGradient(inverseStd) // dx has their part
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

// channelMean averages x [batch, h, w, channels] over all axes but the channels. On a CPU a product with a row of ones takes a
// fifth of the time of XLA's reduction, and with two equal rows about half of that: XLA multiplies a single row on one core,
// with code that takes long to compile. On a GPU a product would round x to TF32.
func channelMean(x *Node) *Node {
	if kind.IsGPU(x.Graph().Backend()) {
		return ReduceMean(x, 0, 1, 2)
	}
	channels := x.Shape().Dim(3)
	count := x.Shape().Size() / channels
	ones := BroadcastToDims(Scalar(x.Graph(), x.DType(), 1/float64(count)), 2, count)
	return Reshape(Slice(MatMul(ones, Reshape(x, count, channels)), AxisRange(0, 1)), channels)
}

// movingAverage updates a running statistic by that of a batch.
func movingAverage(running, batch *Node) *Node {
	return Add(MulScalar(running, Momentum), MulScalar(batch, 1-Momentum))
}

// perChannel reshapes [channels] to [1, 1, 1, channels], which broadcasts over a batch of maps.
func perChannel(v *Node) *Node { return Reshape(v, 1, 1, 1, v.Shape().Dim(0)) }
