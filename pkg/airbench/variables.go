package airbench

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/nn"
)

// Params returns the network's variables.
func (n Net) Params() []nn.Param {
	ps := []nn.Param{
		{Name: "whiten.weight", Dims: []int{2, 2, cifar10.Channels, whitened}},
		{Name: "whiten.bias", Dims: []int{whitened}, Trainable: true},
	}
	for _, g := range n.groups() {
		for i, in := range []int{g.in, g.out} {
			norm := fmt.Sprintf("%s.norm%d", g.name, i+1)
			ps = append(ps,
				nn.Param{Name: fmt.Sprintf("%s.conv%d.weight", g.name, i+1), Dims: []int{3, 3, in, g.out}, Trainable: true},
				nn.Param{Name: norm + ".bias", Dims: []int{g.out}, Trainable: true},
				nn.Param{Name: norm + ".running_mean", Dims: []int{g.out}},
				nn.Param{Name: norm + ".running_var", Dims: []int{g.out}})
		}
	}
	return append(ps, nn.Param{Name: "fc.weight", Dims: []int{n.Widths[2], cifar10.NumClasses}, Trainable: true})
}

// Init creates the network's variables. In a 3×3 convolution with n input channels, the first n output channels start as the
// identity; all other weights are uniform in ±1/√(fan in), PyTorch's default.
func (n Net) Init(store *model.Store, seed uint64) error {
	if n.Whitening != nil && len(n.Whitening) != patchSize*whitened {
		return fmt.Errorf("airbench: got %d whitening weights, want %d or none", len(n.Whitening), patchSize*whitened)
	}
	for i, w := range n.Widths {
		if w < 1 || i == 0 && w < whitened || i > 0 && w < n.Widths[i-1] {
			return fmt.Errorf("airbench: got widths %v, want the first to be at least %d and none to be smaller than the one before", n.Widths, whitened)
		}
	}
	if err := nn.CreateVariables(store, n.Params(), func(p nn.Param) []float32 { return n.initialValues(p, seed) }); err != nil {
		return fmt.Errorf("airbench: %w", err)
	}
	return nil
}

func (n Net) initialValues(p nn.Param, seed uint64) []float32 {
	rng := p.Generator(seed)
	values := make([]float32, p.Size())
	out := p.Dims[len(p.Dims)-1]
	switch {
	case p.Name == "whiten.weight":
		copy(values, n.Whitening)
	case strings.HasSuffix(p.Name, "running_var"):
		for i := range values {
			values[i] = 1
		}
	case len(p.Dims) > 1:
		bound := 1 / math.Sqrt(float64(len(values)/out))
		for i := range values {
			values[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	if strings.HasPrefix(p.Name, "group") && len(p.Dims) == 4 {
		in := p.Dims[2]
		for i := range values {
			if channel := i % out; channel < in {
				values[i] = 0
			}
		}
		for channel := range in {
			values[(4*in+channel)*out+channel] = 1 // position 4 of 9 is the centre
		}
	}
	return values
}

// MACs returns the number of multiply-adds of the convolutions and the dense layer for one image.
func (n Net) MACs() int64 {
	total := int64(31*31*patchSize*whitened + n.Widths[2]*cifar10.NumClasses)
	for _, g := range n.groups() {
		half := g.size / 2
		total += int64(9 * g.out * (g.size*g.size*g.in + half*half*g.out))
	}
	return total
}

// NumParams returns the number of trainable parameters.
func (n Net) NumParams() int { return nn.CountTrainable(n.Params()) }
