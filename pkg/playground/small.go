package playground

import (
	"fmt"
	"math"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/nn"
)

// small is a residual network that learns in a browser: a 3×3 convolution and three basic blocks, each with stride 2, global average
// pool and a dense layer. A block has a quarter of the channels of ResNet-18's stage; the network has less than a hundredth of its weights.
type small struct{ shortcuts bool }

// smallBlocks are the channels of its blocks, which make maps of 8×8, 4×4 and 2×2.
var smallBlocks = []struct{ in, out int }{{16, 16}, {16, 32}, {32, 64}}

// params lists its variables, with ResNet-18's names.
func (n small) params() []nn.Param {
	var ps []nn.Param
	add := func(conv, norm string, k, in, out int) {
		ps = append(ps, nn.Param{Name: conv + ".weight", Dims: []int{k, k, in, out}, Trainable: true},
			nn.Param{Name: norm + ".weight", Dims: []int{out}, Trainable: true}, nn.Param{Name: norm + ".bias", Dims: []int{out}, Trainable: true},
			nn.Param{Name: norm + ".running_mean", Dims: []int{out}}, nn.Param{Name: norm + ".running_var", Dims: []int{out}})
	}
	add("conv1", "bn1", 3, cifar10.Channels, smallBlocks[0].in)
	for i, b := range smallBlocks {
		name := fmt.Sprintf("layer%d.0", i+1)
		add(name+".conv1", name+".bn1", 3, b.in, b.out)
		add(name+".conv2", name+".bn2", 3, b.out, b.out)
		if n.shortcuts {
			add(name+".downsample.0", name+".downsample.1", 1, b.in, b.out)
		}
	}
	features := smallBlocks[len(smallBlocks)-1].out
	return append(ps, nn.Param{Name: "fc.weight", Dims: []int{features, cifar10.NumClasses}, Trainable: true},
		nn.Param{Name: "fc.bias", Dims: []int{cifar10.NumClasses}, Trainable: true})
}

// init creates the variables with ResNet-18's initial distributions.
func (n small) init(store *model.Store, seed uint64) error {
	return nn.CreateVariables(store, n.params(), func(p nn.Param) []float32 {
		rng, values := p.Generator(seed), make([]float32, p.Size())
		for i := range values {
			switch {
			case p.IsConvKernel():
				values[i] = float32(rng.NormFloat64() * math.Sqrt(2/float64(p.Dims[0]*p.Dims[1]*p.Dims[3])))
			case nn.IsHead(p.Name):
				values[i] = float32((2*rng.Float64() - 1) / math.Sqrt(float64(smallBlocks[len(smallBlocks)-1].out)))
			case strings.HasSuffix(p.Name, "weight"), strings.HasSuffix(p.Name, "running_var"):
				values[i] = 1
			}
		}
		return values
	})
}

// logits builds the graph: normalised images [batch, 32, 32, 3] to logits [batch, 10].
func (n small) logits(scope *model.Scope, images *Node) *Node {
	v := nn.NewVariables(scope, images.Graph())
	convNorm := func(x *Node, conv, norm string, stride int) *Node {
		return v.BatchNorm(convolve(x, v.Value(conv+".weight"), stride), norm)
	}
	x := nn.ReLU(convNorm(images, "conv1", "bn1", 2))
	for i := range smallBlocks {
		name := fmt.Sprintf("layer%d.0", i+1)
		y := nn.ReLU(convNorm(x, name+".conv1", name+".bn1", 2))
		y = convNorm(y, name+".conv2", name+".bn2", 1)
		if n.shortcuts {
			y = Add(y, convNorm(x, name+".downsample.0", name+".downsample.1", 2))
		}
		x = nn.ReLU(y)
	}
	return Add(nn.Linear(ReduceMean(x, 1, 2), v.Value("fc.weight")), InsertAxes(v.Value("fc.bias"), 0))
}

// convolve is a convolution as a plain matrix product. nn.Conv2D's ways to save multiplications and memory consist of many small
// operations, which take a browser longer than they save.
func convolve(x, kernel *Node, stride int) *Node {
	columns := nn.Im2col(x, kernel.Shape().Dim(0), stride)
	width, out := columns.Shape().Dim(3), kernel.Shape().Dim(3)
	y := MatMul(Reshape(columns, -1, width), Reshape(kernel, width, out))
	return Reshape(y, x.Shape().Dim(0), columns.Shape().Dim(1), columns.Shape().Dim(2), out)
}
