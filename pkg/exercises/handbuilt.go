package exercises

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
)

// The network that notebook 06 builds: its cells have this code, and TestHandBuiltCells compares the two.

// Layers is what all layers need. Epsilon is batch norm's.
type Layers struct {
	UseResidual bool
	Epsilon     float64
	Conv        func(x, kernel *graph.Node, stride int) *graph.Node
	scope       *model.Scope // of the variables
	graph       *graph.Graph // that is being built
}

// Convolve pads with zeros, so that stride 1 keeps the map's size.
func Convolve(x, kernel *graph.Node, stride int) *graph.Node {
	return graph.Convolve(x, kernel).Strides(stride).PadSame().Done()
}

// ReLU is max(x, 0).
func ReLU(x *graph.Node) *graph.Node { return graph.MaxScalar(x, 0) }

// Statistics returns the mean and variance of each channel of [batch, h, w, channels].
func Statistics(x *graph.Node) (mean, variance *graph.Node) {
	mean = graph.ReduceMean(x, 0, 1, 2)
	centred := graph.Sub(x, graph.ExpandLeftToRank(mean, 4))
	return mean, graph.ReduceMean(graph.Square(centred), 0, 1, 2)
}

// Normalise is γ·(x-mean)/√(variance+ε) + β in each channel.
func Normalise(x, mean, variance, gamma, beta *graph.Node, epsilon float64) *graph.Node {
	channel := func(v *graph.Node) *graph.Node { return graph.ExpandLeftToRank(v, 4) }
	scale := graph.Div(gamma, graph.Sqrt(graph.AddScalar(variance, epsilon)))
	x = graph.Mul(graph.Sub(x, channel(mean)), channel(scale))
	return graph.Add(x, channel(beta))
}

// Variable is nil if there is none of this name.
func (l Layers) Variable(name string) *model.Variable {
	return l.scope.Store().GetVariable("/" + name)
}

// Value is a variable's value as a node of the graph.
func (l Layers) Value(name string) *graph.Node {
	return l.Variable(name).NodeValue(l.graph)
}

// Track moves a running statistic a tenth of the way to the batch's.
func (l Layers) Track(name string, batch *graph.Node) {
	old := graph.MulScalar(l.Value(name), 0.9)
	l.Variable(name).SetNodeValue(graph.Add(old, graph.MulScalar(batch, 0.1)))
}

// BatchNorm has four variables: mean and variance are running statistics.
func (l Layers) BatchNorm(x *graph.Node, name string) *graph.Node {
	mean, variance := l.Value(name+"/mean"), l.Value(name+"/variance")
	gamma, beta := l.Value(name+"/gamma"), l.Value(name+"/beta")
	if l.scope.IsTraining(l.graph) {
		mean, variance = Statistics(x)
		n := float64(x.Shape().Size() / mean.Shape().Size())
		l.Track(name+"/mean", mean)
		l.Track(name+"/variance", graph.MulScalar(variance, n/(n-1)))
	}
	return Normalise(x, mean, variance, gamma, beta, l.Epsilon)
}

// ConvNorm is a convolution followed by batch norm.
func (l Layers) ConvNorm(x *graph.Node, name string, stride int) *graph.Node {
	return l.BatchNorm(l.Conv(x, l.Value(name+"/kernel"), stride), name)
}

// Shortcut is x, or its projection where the unit has one.
func (l Layers) Shortcut(x *graph.Node, name string, stride int) *graph.Node {
	if l.Variable(name+"/shortcut/kernel") == nil {
		return x
	}
	return l.ConvNorm(x, name+"/shortcut", stride)
}

// ResidualUnit is relu(F(x) + x), or relu(F(x)) without use_residual.
func ResidualUnit(l Layers, x *graph.Node, name string, stride int) *graph.Node {
	y := ReLU(l.ConvNorm(x, name+"/conv1", stride))
	y = l.ConvNorm(y, name+"/conv2", 1)
	if l.UseResidual {
		y = graph.Add(y, l.Shortcut(x, name, stride))
	}
	return ReLU(y)
}

func unitName(stage, unit int) string {
	return fmt.Sprintf("stage%d/unit%d", stage, unit)
}

// Head is the dense layer.
func (l Layers) Head(x *graph.Node) *graph.Node {
	y := graph.MatMul(x, l.Value("head/weight"))
	return graph.Add(y, graph.ExpandLeftToRank(l.Value("head/bias"), 2))
}

// Net is Model_ResNet18.
type Net struct {
	Layers
	NumClasses int
	Unit       func(l Layers, x *graph.Node, name string, stride int) *graph.Node
}

// Logits maps images [batch, 32, 32, 3] to logits [batch, NumClasses].
func (n Net) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	l := n.Layers
	l.scope, l.graph = scope, images.Graph()
	x := ReLU(l.ConvNorm(images, "stem", 2))                   // [batch, 16, 16, 64]
	x = graph.MaxPool(x).Window(3).Strides(2).PadSame().Done() // [batch, 8, 8, 64]
	for i, stride := range []int{1, 2, 2, 2} {
		x = n.Unit(l, x, unitName(i+1, 0), stride)
		x = n.Unit(l, x, unitName(i+1, 1), 1)
	}
	return l.Head(graph.ReduceMean(x, 1, 2)) // of [batch, 512]
}

// convNormParams lists the five variables of a ConvNorm.
func convNormParams(name string, k, in, out int) []nn.Param {
	return []nn.Param{
		{Name: name + "/kernel", Dims: []int{k, k, in, out}, Trainable: true},
		{Name: name + "/gamma", Dims: []int{out}, Trainable: true},
		{Name: name + "/beta", Dims: []int{out}, Trainable: true},
		{Name: name + "/mean", Dims: []int{out}},
		{Name: name + "/variance", Dims: []int{out}},
	}
}

func (n Net) unitParams(name string, in, out int) []nn.Param {
	ps := convNormParams(name+"/conv1", 3, in, out)
	ps = append(ps, convNormParams(name+"/conv2", 3, out, out)...)
	if n.UseResidual && in != out {
		ps = append(ps, convNormParams(name+"/shortcut", 1, in, out)...)
	}
	return ps
}

// Params lists all variables.
func (n Net) Params() []nn.Param {
	ps, in := convNormParams("stem", 7, 3, 64), 64
	for i, out := range []int{64, 128, 256, 512} {
		ps = append(ps, n.unitParams(unitName(i+1, 0), in, out)...)
		ps = append(ps, n.unitParams(unitName(i+1, 1), out, out)...)
		in = out
	}
	return append(ps,
		nn.Param{Name: "head/weight", Dims: []int{512, n.NumClasses}, Trainable: true},
		nn.Param{Name: "head/bias", Dims: []int{n.NumClasses}, Trainable: true})
}

func initialValue(p nn.Param, random *rand.Rand) float64 {
	switch path.Base(p.Name) {
	case "kernel":
		return random.NormFloat64() * math.Sqrt(2/float64(p.Dims[0]*p.Dims[1]*p.Dims[3]))
	case "gamma", "variance":
		return 1
	case "weight", "bias":
		return (2*random.Float64() - 1) / math.Sqrt(512)
	}
	return 0 // beta, mean
}

// Init creates the variables. Their values follow from the seed.
func (n Net) Init(store *model.Store, seed uint64) error {
	return nn.CreateVariables(store, n.Params(), func(p nn.Param) []float32 {
		values, random := make([]float32, p.Size()), p.Generator(seed)
		for i := range values {
			values[i] = float32(initialValue(p, random))
		}
		return values
	})
}

// HandBuilt is Model_ResNet18(in_channels=3, num_classes=10, use_residual=True).
func HandBuilt() Net {
	l := Layers{UseResidual: true, Epsilon: 1e-5, Conv: Convolve}
	return Net{Layers: l, NumClasses: 10, Unit: ResidualUnit}
}

// String identifies the network in its run's folder.
func (n Net) String() string {
	return fmt.Sprintf("hand-built ResNet-18, %d classes, use_residual %v",
		n.NumClasses, n.UseResidual)
}
