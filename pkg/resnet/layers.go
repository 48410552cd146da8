package resnet

import . "github.com/gomlx/gomlx/core/graph"

// The layers that another network can share.

// Convolution is a 2-D convolution with padding k/2 on all sides, computed in the way that is fast on the graph's backend: see
// Lowerings. x [batch, size, size, in], kernel [k, k, in, out] to [batch, ceil(size/stride), ceil(size/stride), out].
func Convolution(x, kernel *Node, stride int) *Node {
	return Config{}.lowering(x.Graph().Backend())(x, kernel, stride)
}

// ChannelMean averages x [batch, h, w, channels] over all but the channels: [channels].
func ChannelMean(x *Node) *Node { return channelMean(x) }

// Normalise is batch norm's weight·(x-mean)/std + bias for x [batch, h, w, channels] and vectors [channels]. Its gradient
// is that of training, for mean and std of x itself.
func Normalise(x, weight, bias, mean, std *Node) *Node { return normalise(x, weight, bias, mean, std) }
