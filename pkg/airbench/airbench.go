// Package airbench implements a small network that learns CIFAR-10 quickly: airbench94's (Jordan 2024, "94% on CIFAR-10 in 3.29
// Seconds on a Single GPU", arXiv:2404.00498), written for GoMLX.
//
//	2×2 convolution, frozen: whitens patches   [31, 31, 24]    GELU
//	group 1: 3×3, pool, norm, GELU             [15, 15, 64]    3×3, norm, GELU
//	group 2: 3×3, pool, norm, GELU             [7, 7, 256]     3×3, norm, GELU
//	group 3: 3×3, pool, norm, GELU             [3, 3, 256]     3×3, norm, GELU
//	3×3 max pool, dense layer, times 1/9       [10]
//
// Each choice saves training time: the whitening need not be learnt; convolutions start as identities, so the image reaches the
// last layer from the first step on; and batch norm comes after the pool, where maps are smaller.
//
// airbench94 also freezes the whitening's bias after three epochs, which is left out here. Its lookahead, its test-time
// augmentation and the Muon of its newer version are options of runner.Recipe.
package airbench

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/nn"
)

const (
	// logitScale keeps the first logits small: the dense layer's input, a maximum, is large.
	logitScale = 1.0 / 9
	// biasScale multiplies batch norm's biases. Gradient descent then changes them 8² = 64 times as fast: the factor scales
	// both the gradient (by the chain rule) and the effect of a step. airbench94 instead gives them 64 times the learning rate
	// of the others.
	biasScale = 8
)

// Net describes the network. It implements runner.Model.
type Net struct {
	Widths    [3]int    // channels of the three groups
	Whitening []float32 // the first kernel, [2, 2, 3, 24], see Whitening; nil means zeros, for a network whose weights will be loaded
}

// New returns airbench94's network, with the whitening of these training images.
func New(train *cifar10.Dataset) Net {
	return Net{Widths: [3]int{64, 256, 256}, Whitening: Whitening(train)}
}

// Name is what the description of a network of this kind begins with.
const Name = "airbench94-like network"

// String describes the network in one line.
func (n Net) String() string {
	return fmt.Sprintf("%s, widths %d-%d-%d, %d classes", Name, n.Widths[0], n.Widths[1], n.Widths[2], cifar10.NumClasses)
}

// group is one of the three groups: convolution, pool, norm, GELU, convolution, norm, GELU.
type group struct {
	name    string
	in, out int
	size    int // height = width of its input; after the pool half of it, rounded down
}

func (n Net) groups() []group {
	in, size := whitened, cifar10.Width-1
	var gs []group
	for i, out := range n.Widths {
		gs = append(gs, group{fmt.Sprintf("group%d", i+1), in, out, size})
		in, size = out, size/2
	}
	return gs
}

// Logits implements runner.Model: normalised images [batch, 32, 32, 3] to logits [batch, 10].
func (n Net) Logits(scope *model.Scope, images *Node) *Node {
	logits, _ := n.LogitsAndMaps(scope, images)
	return logits
}

// LogitsAndMaps returns the logits and the feature maps after the whitening and after each of the three groups, each
// [batch, height, width, channels].
func (n Net) LogitsAndMaps(scope *model.Scope, images *Node) (logits *Node, maps []*Node) {
	l := layers{nn.NewVariables(scope, images.Graph())}
	batch := images.Shape().Dim(0)
	images.AssertDims(batch, cifar10.Height, cifar10.Width, cifar10.Channels)
	x := activation.Gelu(l.whiten(images)) // [batch, 31, 31, 24]
	maps = append(maps, x)
	for _, g := range n.groups() {
		x.AssertDims(batch, g.size, g.size, g.in)
		x = nn.MaxPool2D(l.convolve(x, g.name+".conv1"), 2, 2)
		x = activation.Gelu(l.norm(x, g.name+".norm1"))
		x = activation.Gelu(l.norm(l.convolve(x, g.name+".conv2"), g.name+".norm2"))
		maps = append(maps, x)
	}
	x = Reshape(nn.MaxPool2D(x, 3, 3), batch, n.Widths[2])
	return MulScalar(MatMul(x, l.Value("fc.weight")), logitScale), maps
}

// layers are the layers of the network, with its variables.
type layers struct{ nn.Variables }

// whiten is the 2×2 convolution without padding, as a matrix product: each row of its left factor is a patch of 12 numbers and
// a 1, whose weights are the biases. (Their gradient is then a product as well, which is faster than summing rows.)
func (l layers) whiten(images *Node) *Node {
	batch, size := images.Shape().Dim(0), cifar10.Width-1
	var shifted []*Node
	for i := range 2 {
		for j := range 2 {
			shifted = append(shifted, Slice(images, AxisRange(), AxisRange(i, i+size), AxisRange(j, j+size), AxisRange()))
		}
	}
	shifted = append(shifted, OnesLike(Slice(shifted[0], AxisRange(), AxisRange(), AxisRange(), AxisRange(0, 1))))
	patches := Reshape(Concatenate(shifted, 3), batch*size*size, patchSize+1)
	kernel := Concatenate([]*Node{Reshape(l.Value("whiten.weight"), patchSize, whitened), InsertAxes(l.Value("whiten.bias"), 0)}, 0)
	return Reshape(MatMul(patches, kernel), batch, size, size, whitened)
}

// convolve is a 3×3 convolution with padding 1. nn.Conv2D is faster on maps of even size, so a map of odd size gets one more
// row and column of zeros, which the padding contains anyway, and the outputs there are cut off.
func (l layers) convolve(x *Node, name string) *Node {
	kernel, size := l.Value(name+".weight"), x.Shape().Dim(1)
	if size%2 == 0 || size <= 3 {
		return nn.Conv2D(x, kernel, 1)
	}
	y := nn.Conv2D(nn.ZeroPad(x, 0, 1), kernel, 1)
	return Slice(y, AxisRange(), AxisRange(0, size), AxisRange(0, size), AxisRange())
}

// norm is batch norm without a weight.
func (l layers) norm(x *Node, name string) *Node {
	shift := MulScalar(l.Value(name+".bias"), biasScale)
	return l.BatchNormWith(x, name, OnesLike(shift), shift)
}
