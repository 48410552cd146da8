package lab

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
)

// Gradient is what one batch of data says about one variable of the network: the gradient of the mean
// cross-entropy, without any weight decay.
type Gradient struct {
	nn.Param
	Values []float32 // in the order of the variable's
}

// Gradients gives the data gradient of every trainable variable, in the network's order, in training mode.
func (n Network) Gradients(d *cifar.Dataset) ([]Gradient, error) {
	images, err := imageTensor(d.Pixels)
	if err != nil {
		return nil, err
	}
	labels := make([]int32, d.Len())
	for i, l := range d.Labels {
		labels[i] = int32(l)
	}
	var gradients []Gradient
	for _, p := range n.Params() {
		if p.Trainable {
			gradients = append(gradients, Gradient{Param: p})
		}
	}
	out, err := model.CallOnceN(n.Backend, n.Store, func(s *model.Scope, x, y *graph.Node) []*graph.Node {
		s.Store().SetTraining(x.Graph(), true)
		logits := n.Config.Logits(s, cifar.Normalize(x))
		mean := graph.ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*graph.Node{y}, []*graph.Node{logits}))
		var variables []*graph.Node
		for _, g := range gradients {
			variables = append(variables, s.Store().GetVariable(g.Path()).NodeValue(x.Graph()))
		}
		return graph.Gradient(mean, variables...)
	}, images, tensors.FromFlatDataAndDimensions(labels, d.Len(), 1))
	if err != nil {
		return nil, fmt.Errorf("lab: gradients of %d images: %w", d.Len(), err)
	}
	for i := range gradients {
		if gradients[i].Values, err = tensors.CopyFlatData[float32](out[i]); err != nil {
			return nil, fmt.Errorf("lab: gradient of %s: %w", gradients[i].Name, err)
		}
	}
	return gradients, nil
}

// Zeros counts the values that are exactly 0.
func (g Gradient) Zeros() (n int) {
	for _, v := range g.Values {
		if v == 0 {
			n++
		}
	}
	return n
}

// Taps gives for a kernel [k, k, in, out] the mean size of the values at each of its k×k places.
func (g Gradient) Taps() [][]float64 { return taps(g.Values, g.Dims[0]) }

func taps(values []float32, k int) [][]float64 {
	out := make([][]float64, k)
	each := len(values) / (k * k)
	for i := range out {
		for j := range k {
			sum := 0.0
			for _, v := range values[(i*k+j)*each:][:each] {
				sum += math.Abs(float64(v))
			}
			out[i] = append(out[i], sum/float64(each))
		}
	}
	return out
}

// IsKernel says whether a variable is the kernel of a convolution.
func IsKernel(p nn.Param) bool { return len(p.Dims) == 4 }

// Dead marks the weights of a network's kernels that no pixel of a 32×32 image can ever reach: they got no gradient
// at all from the batch, nor did any other weight at their place in the kernel. It returns the values of the dead weights
// and of the live ones, from the network's kernels.
func (n Network) Dead(gradients []Gradient) (dead, live []float64, err error) {
	for _, g := range gradients {
		if !IsKernel(g.Param) {
			continue
		}
		weights, err := nn.Values(n.Store, g.Param)
		if err != nil {
			return nil, nil, err
		}
		k := g.Dims[0]
		each := len(weights) / (k * k)
		for at, size := range flat(g.Taps()) {
			for _, w := range weights[at*each:][:each] {
				if size == 0 {
					dead = append(dead, float64(w))
				} else {
					live = append(live, float64(w))
				}
			}
		}
	}
	return dead, live, nil
}

func flat(table [][]float64) (all []float64) {
	for _, row := range table {
		all = append(all, row...)
	}
	return all
}

// RMS is the root of the mean square: the usual size of a value.
func RMS[T float32 | float64](values []T) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(values))))
}

// Stage names the part of the network that a variable belongs to: "conv1", "layer1" to "layer4", "fc".
func Stage(p nn.Param) string {
	name, _, _ := strings.Cut(p.Name, ".")
	return name
}

// Change says how far b lies from a, as a share of a's own size: the RMS of b-a over that of a.
func Change(a, b []float32) float64 {
	diff := make([]float32, len(a))
	for i := range a {
		diff[i] = b[i] - a[i]
	}
	return RMS(diff) / RMS(a)
}
