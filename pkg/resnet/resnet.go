// Package resnet implements ResNet-18 and ResNet-34 (He et al. 2015, arXiv:1512.03385) for small images: configurations, graph, initial
// weights and summary.
//
// Config describes the network and Config.Logits builds it. Variables have torchvision's names, so trained weights can be
// exchanged with PyTorch (nn.WriteWeights, nn.ReadWeights).
package resnet

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
)

// Logits builds the network's graph: normalised images [batch, size, size, channels] to logits [batch, NumClasses]. The
// variables must exist: call Init first. Like every GoMLX graph function, it panics on an error, which GoMLX's Exec and
// Trainer return.
func (c Config) Logits(scope *model.Scope, images *Node) *Node {
	logits, _ := c.LogitsAndMaps(scope, images)
	return logits
}

// LogitsAndMaps returns the logits and the feature maps after the stem (with its pool) and after each of the four stages,
// each [batch, height, width, channels].
func (c Config) LogitsAndMaps(scope *model.Scope, images *Node) (logits *Node, maps []*Node) {
	c = c.withDefaults()
	v, convolve := nn.NewVariables(scope, images.Graph()), c.convolution(images.Graph().Backend())
	return c.build(images, network{v, func(x *Node, cv conv) *Node {
		return v.BatchNorm(convolve(x, v.Value(cv.name+".weight"), cv.stride), cv.norm)
	}})
}

// build builds the network from its layers.
func (c Config) build(images *Node, n network) (logits *Node, maps []*Node) {
	batch, size := images.Shape().Dim(0), images.Shape().Dim(1)
	images.AssertDims(batch, size, size, c.InChannels)

	stem, pooled, blocks := c.architecture(size)
	x := nn.ReLU(n.convNorm(images, stem)) // [batch, 16, 16, 64] for a 32×32 image
	if pooled < stem.sizeOut {
		x = nn.MaxPoolStem(x) // [batch, 8, 8, 64]
	}
	x.AssertDims(batch, pooled, pooled, 64)
	maps = append(maps, x)
	for _, b := range blocks {
		x = n.basicBlock(x, b, c.Plain) // 8×8×64, 4×4×128, 2×2×256, 1×1×512
		if b.last {
			maps = append(maps, x)
		}
	}
	x = ReduceMean(x, 1, 2) // global average pool: [batch, 512]
	x.AssertDims(batch, 512)
	logits = Add(nn.Linear(x, n.Value("fc.weight")), InsertAxes(n.Value("fc.bias"), 0))
	logits.AssertDims(batch, c.NumClasses)
	return logits, maps
}

// network is what every layer needs while the graph is built.
type network struct {
	nn.Variables
	layer func(x *Node, c conv) *Node // a convolution without bias, followed by batch norm, whose shift serves as the bias
}

// basicBlock is y = relu(F(x) + shortcut(x)) with two 3×3 convolutions as F (He et al. 2015, eq. 1 and 2).
func (n network) basicBlock(x *Node, b block, plain bool) *Node {
	body := func(x *Node) *Node { return n.convNorm(nn.ReLU(n.convNorm(x, b.conv1)), b.conv2) }
	switch {
	case plain:
		return nn.ReLU(body(x))
	case b.projection != nil:
		return nn.ReLU(Add(body(x), n.convNorm(x, *b.projection)))
	}
	x, shortcut := nn.Fork(x)
	return nn.ReLU(Add(body(x), shortcut))
}

// convNorm is layer with its shapes checked.
func (n network) convNorm(x *Node, c conv) *Node {
	x.AssertDims(-1, c.sizeIn, c.sizeIn, c.in)
	y := n.layer(x, c)
	y.AssertDims(-1, c.sizeOut, c.sizeOut, c.out)
	return y
}
