package resnet

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Logits builds the network's graph: images [batch, height, width, channels], normalised, of float
// type, to logits [batch, NumClasses]. Variables must exist: see Init. It is a GoMLX graph-building
// function, so it panics on error and GoMLX's Exec and Trainer turn that into an error value.
func (c Config) Logits(scope *model.Scope, images *Node) *Node {
	logits, _ := c.LogitsAndMaps(scope, images)
	return logits
}

// LogitsAndMaps is Logits with a look inside: maps are the feature maps behind the stem, its pool included, and
// behind each of the four stages, each [batch, height, width, channels].
func (c Config) LogitsAndMaps(scope *model.Scope, images *Node) (logits *Node, maps []*Node) {
	c = c.withDefaults()
	n := network{scope: scope, graph: images.Graph(), convolve: c.lowering(images.Graph().Backend())}
	batch, size := images.Shape().Dim(0), images.Shape().Dim(1)
	images.AssertDims(batch, size, size, c.InChannels)

	stem, pooled, blocks := c.architecture(size)
	x := relu(n.convNorm(images, stem)) // [batch, 16, 16, 64] for a 32×32 image
	if c.Stem == ImageNetStem {
		x = maxPool(x) // [batch, 8, 8, 64]
	}
	x.AssertDims(batch, pooled, pooled, 64)
	maps = append(maps, x)
	for i, b := range blocks {
		x = n.basicBlock(x, b, c.Plain) // 8×8×64, 4×4×128, 2×2×256, 1×1×512
		if (i+1)%blocksPerStage == 0 {
			maps = append(maps, x)
		}
	}
	x = ReduceMean(x, 1, 2) // global average pool: [batch, 512]
	x.AssertDims(batch, 512)
	logits = Add(product(x, n.variable("fc.weight")), InsertAxes(n.variable("fc.bias"), 0))
	logits.AssertDims(batch, c.NumClasses)
	return logits, maps
}

// network carries what every layer needs while the graph is built.
type network struct {
	scope    *model.Scope
	graph    *Graph
	convolve convolution
}

// basicBlock is y = relu(F(x) + shortcut(x)), F being two 3×3 convolutions (He et al. 2015, eq. 1 and 2).
func (n network) basicBlock(x *Node, b block, plain bool) *Node {
	body := func(x *Node) *Node { return n.convNorm(relu(n.convNorm(x, b.conv1)), b.conv2) }
	switch {
	case plain:
		return relu(body(x))
	case b.projection != nil:
		return relu(Add(body(x), n.convNorm(x, *b.projection)))
	}
	x, shortcut := branches(x)
	return relu(Add(body(x), shortcut))
}

// branches gives x to the two branches of a block by way of another shape, [batch·height·width, channels], in which GoMLX then adds
// their gradients. In x's own shape XLA may write the sum over one of its terms, and then LLVM's code, which at run time finds the same
// address twice, adds number by number in place of vectors, in four times the time (bench/README.md).
func branches(x *Node) (a, b *Node) {
	rows := Reshape(x, -1, x.Shape().Dim(3))
	branch := func() *Node { return Reshape(rows, x.Shape().Dimensions...) }
	return branch(), branch()
}

// convNorm is a convolution without bias and the batch norm behind it, whose shift is the bias.
func (n network) convNorm(x *Node, c conv) *Node {
	x.AssertDims(-1, c.sizeIn, c.sizeIn, c.in)
	y := n.convolve(x, n.variable(c.name+".weight"), c.stride)
	y.AssertDims(-1, c.sizeOut, c.sizeOut, c.out)
	return n.batchNorm(y, c.norm)
}

// variable returns the value of the variable with a torchvision name, as "layer1.0.conv1.weight".
func (n network) variable(name string) *Node {
	return n.get(name).NodeValue(n.graph)
}

// get finds a variable by its torchvision name; one that is missing is a bug of the caller, who has not
// called Init.
func (n network) get(name string) *model.Variable {
	v := n.scope.Store().GetVariable(Param{Name: name}.Path())
	if v == nil {
		exceptions.Panicf("resnet: variable %q is not in the store: call Config.Init first", name)
	}
	return v
}
