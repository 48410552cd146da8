package exercises

import (
	"maps"
	"math"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/janpfeifer/must"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/runner"
)

// How notebook 06 compares its network with the library's: its cells have this code, too.

// libraryNames translates our names into torchvision's.
var libraryNames = strings.NewReplacer(
	"stem/kernel", "conv1.weight", "stem/", "bn1.",
	"stage", "layer", "/unit", ".",
	"/conv1/kernel", ".conv1.weight", "/conv1/", ".bn1.",
	"/conv2/kernel", ".conv2.weight", "/conv2/", ".bn2.",
	"/shortcut/kernel", ".downsample.0.weight", "/shortcut/", ".downsample.1.",
	"gamma", "weight", "beta", "bias", "mean", "running_mean",
	"variance", "running_var", "head/", "fc.",
)

// TorchName finds our variables in files with torchvision's names.
func (n Net) TorchName(name string) string { return libraryNames.Replace(name) }

// valuesOf reads all variables of a network.
func valuesOf(n inspect.Network) map[string][]float32 {
	values := map[string][]float32{}
	for _, p := range n.Params() {
		values[p.Name] = must.M1(nn.Values(n.Store, p))
	}
	return values
}

// filled returns a store with m's variables, set to the library's values.
func filled(m runner.Model, values map[string][]float32) *model.Store {
	store := model.NewStore()
	for _, p := range m.Params() {
		name := p.Name
		if _, ours := m.(Net); ours {
			name = libraryNames.Replace(p.Name)
		}
		must.M(nn.SetValues(store, p, values[name]))
	}
	return store
}

// likeLibrary returns our network with the library model's 1,000 outputs.
func likeLibrary() Net {
	n := HandBuilt()
	n.NumClasses = 1000
	return n
}

// Trial is what two networks are compared on.
type Trial struct {
	Backend        compute.Backend
	Images, Labels *tensors.Tensor
	Training       bool
}

func trainedValues(m runner.Model, s *model.Scope, g *graph.Graph) []*graph.Node {
	var values []*graph.Node
	for _, p := range m.Params() {
		if p.Trainable {
			values = append(values, s.Store().GetVariable(p.Path()).NodeValue(g))
		}
	}
	return values
}

// Run returns the gradients of the mean loss, followed by the logits.
func (t Trial) Run(m runner.Model, store *model.Store) []*tensors.Tensor {
	f := func(s *model.Scope, x, y *graph.Node) []*graph.Node {
		s.Store().SetTraining(x.Graph(), t.Training)
		logits := []*graph.Node{m.Logits(s, cifar.Normalize(x))}
		losses := loss.SparseCategoricalCrossEntropyLogits([]*graph.Node{y}, logits)
		weights := trainedValues(m, s, x.Graph())
		return append(graph.Gradient(graph.ReduceAllMean(losses), weights...), logits...)
	}
	return must.M1(model.CallOnceN(t.Backend, store, f, t.Images, t.Labels))
}

func floats(t *tensors.Tensor) (values []float64) {
	for _, v := range must.M1(tensors.CopyFlatData[float32](t)) {
		values = append(values, float64(v))
	}
	return values
}

// largest returns the largest difference, relative to the largest value.
func largest(a, b []*tensors.Tensor) float64 {
	difference, value := 0.0, 0.0
	for i := range a {
		x, y := floats(a[i]), floats(b[i])
		for j := range x {
			difference = max(difference, math.Abs(x[j]-y[j]))
			value = max(value, math.Abs(x[j]))
		}
	}
	return difference / value
}

// compared returns the largest differences of logits and gradients.
func compared(lib, ours []*tensors.Tensor) (logits, gradients float64) {
	last := len(lib) - 1
	return largest(lib[last:], ours[last:]), largest(lib[:last], ours[:last])
}

// signed is the book's check: the largest of ours minus the library's, with its sign.
func signed(lib, ours *tensors.Tensor) float64 {
	x, y, d := floats(lib), floats(ours), math.Inf(-1)
	for j := range x {
		d = max(d, y[j]-x[j])
	}
	return d
}

// changed replaces each value v of one variable by 10·v+by.
func changed(values map[string][]float32, name string, by float32) map[string][]float32 {
	values = maps.Clone(values)
	wrong := make([]float32, len(values[name]))
	for i, v := range values[name] {
		wrong[i] = 10*v + by
	}
	values[name] = wrong
	return values
}

func oneShortcutMissing(l Layers, x *graph.Node, name string, stride int) *graph.Node {
	l.UseResidual = name != "stage3/unit1"
	return ResidualUnit(l, x, name, stride)
}

func strideOnSecond(l Layers, x *graph.Node, name string, stride int) *graph.Node {
	y := ReLU(l.ConvNorm(x, name+"/conv1", 1))
	y = l.ConvNorm(y, name+"/conv2", stride)
	return ReLU(graph.Add(y, l.Shortcut(x, name, stride)))
}

func reluBeforeSum(l Layers, x *graph.Node, name string, stride int) *graph.Node {
	y := ReLU(l.ConvNorm(x, name+"/conv1", stride))
	y = ReLU(l.ConvNorm(y, name+"/conv2", 1))
	return graph.Add(y, l.Shortcut(x, name, stride))
}

// Mistake is a network, or its values, with something wrong.
type Mistake struct {
	What   string
	Net    Net
	Values map[string][]float32
}

func mistakes(right map[string][]float32) []Mistake {
	n := likeLibrary()
	a, b, c, d := n, n, n, n
	a.Unit, b.Unit, c.Unit = oneShortcutMissing, strideOnSecond, reluBeforeSum
	d.Epsilon = 1e-3
	variance := changed(right, "layer2.0.downsample.1.running_var", 10)
	bias := changed(right, "fc.bias", -10)
	return []Mistake{{"one shortcut missing", a, right}, {"stride on conv2", b, right},
		{"ReLU before the sum", c, right}, {"epsilon 1e-3", d, right},
		{"a running variance", n, variance}, {"the head's bias", n, bias}}
}
