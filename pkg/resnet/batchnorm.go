package resnet

import . "github.com/gomlx/gomlx/core/graph"

const (
	// Momentum is the share of the old running statistics that a training step keeps. PyTorch writes the
	// same as momentum=0.1; Paddle writes 0.9.
	Momentum = 0.9
	// Epsilon is added to the variance, as in PyTorch and Paddle.
	Epsilon = 1e-5
)

// batchNorm normalises each channel of x [batch, h, w, channels] (Ioffe and Szegedy 2015, algorithm 1):
// in training with the mean and variance of this batch, which also move the running statistics; in
// evaluation with the running statistics. It is written here because GoMLX's layer either needs an
// operation that the pure-Go backend lacks or stops the gradient through the batch statistics.
func (n network) batchNorm(x *Node, name string) *Node {
	channels := x.Shape().Dim(3)
	weight, bias := n.variable(name+".weight"), n.variable(name+".bias")
	mean, variance := n.variable(name+".running_mean"), n.variable(name+".running_var")
	if n.scope.IsTraining(x.Graph()) {
		runningMean, runningVar := mean, variance
		count := x.Shape().Size() / channels
		mean = ReduceMean(x, 0, 1, 2)
		variance = ReduceMean(Square(Sub(x, perChannel(mean))), 0, 1, 2)
		unbiased := MulScalar(variance, float64(count)/float64(count-1)) // as PyTorch stores it
		n.get(name + ".running_mean").SetNodeValue(moveTo(runningMean, mean))
		n.get(name + ".running_var").SetNodeValue(moveTo(runningVar, unbiased))
	}
	scale := Div(weight, Sqrt(AddScalar(variance, Epsilon)))
	return Add(Mul(Sub(x, perChannel(mean)), perChannel(scale)), perChannel(bias))
}

// moveTo is the exponential moving average; no gradient flows through it.
func moveTo(running, batch *Node) *Node {
	return Add(MulScalar(running, Momentum), MulScalar(StopGradient(batch), 1-Momentum))
}

// perChannel shapes [channels] as [1, 1, 1, channels], to be combined with a batch of maps.
func perChannel(v *Node) *Node { return Reshape(v, 1, 1, 1, v.Shape().Dim(0)) }
