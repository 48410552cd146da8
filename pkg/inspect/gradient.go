package inspect

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/nn"
)

// Gradient is the gradient of one variable: of the mean cross-entropy of a batch, without weight decay.
type Gradient struct {
	nn.Param
	Values []float32 // in the order of the variable's values
}

// Gradients returns the gradient of every trainable variable for one batch, in training mode, in the network's order. As in a
// training step, batch norm's running statistics in n.Store move.
func (n Network) Gradients(d *cifar10.Dataset) ([]Gradient, error) {
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
		logits := n.Config.Logits(s, cifar10.Normalize(x))
		mean := graph.ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*graph.Node{y}, []*graph.Node{logits}))
		var variables []*graph.Node
		for _, g := range gradients {
			variables = append(variables, s.Store().GetVariable(g.Path()).NodeValue(x.Graph()))
		}
		return graph.Gradient(mean, variables...)
	}, images, tensors.FromFlatDataAndDimensions(labels, d.Len(), 1))
	if err != nil {
		return nil, fmt.Errorf("inspect: gradients of %d images: %w", d.Len(), err)
	}
	for i := range gradients {
		if gradients[i].Values, err = tensors.CopyFlatData[float32](out[i]); err != nil {
			return nil, fmt.Errorf("inspect: gradient of %s: %w", gradients[i].Name, err)
		}
	}
	return gradients, nil
}

// Norm returns the root of the sum of the squares of the gradient's values.
func (g Gradient) Norm() float64 { return RMS(g.Values) * math.Sqrt(float64(len(g.Values))) }

// KernelMap returns the mean absolute gradient at each position of a convolution's kernel [k, k, in, out]: a k×k table.
func (g Gradient) KernelMap() [][]float64 {
	k := g.Dims[0]
	table := make([][]float64, k)
	n := len(g.Values) / (k * k)
	for row := range table {
		for column := range k {
			sum := 0.0
			for _, v := range g.Values[(row*k+column)*n:][:n] {
				sum += math.Abs(float64(v))
			}
			table[row] = append(table[row], sum/float64(n))
		}
	}
	return table
}

// DeadWeights returns the values of the weights of the network's convolutions in two groups. Dead weights are at kernel
// positions that no pixel reaches, where the gradient of the whole batch is zero; all others are live. The number of dead
// weights agrees with resnet.Summary, which derives it from the sizes of the maps.
func (n Network) DeadWeights(gradients []Gradient) (dead, live []float64, err error) {
	for _, g := range gradients {
		if !g.IsConvKernel() {
			continue
		}
		weights, err := nn.Values(n.Store, g.Param)
		if err != nil {
			return nil, nil, err
		}
		k := g.Dims[0]
		size := len(weights) / (k * k)
		for row, line := range g.KernelMap() {
			for column, gradient := range line {
				for _, w := range weights[(row*k+column)*size:][:size] {
					if gradient == 0 {
						dead = append(dead, float64(w))
					} else {
						live = append(live, float64(w))
					}
				}
			}
		}
	}
	return dead, live, nil
}

// RMS returns the root mean square of the values.
func RMS[T float32 | float64](values []T) float64 {
	sum := 0.0
	for _, v := range values {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, len(values))))
}

// RelativeDifference returns the RMS of b-a divided by that of a.
func RelativeDifference(a, b []float32) float64 {
	diff := make([]float32, len(a))
	for i := range a {
		diff[i] = b[i] - a[i]
	}
	return RMS(diff) / RMS(a)
}
