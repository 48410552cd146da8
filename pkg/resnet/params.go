package resnet

import (
	"fmt"
	"math"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
)

// Params returns the network's variables in torchvision's order.
func (c Config) Params() []nn.Param {
	c = c.withDefaults()
	var ps []nn.Param
	for _, cv := range c.convs() {
		ps = append(ps, nn.Param{Name: cv.name + ".weight", Dims: []int{cv.kernel, cv.kernel, cv.in, cv.out}, Trainable: true})
		for _, v := range []struct {
			name      string
			trainable bool
		}{{"weight", true}, {"bias", true}, {"running_mean", false}, {"running_var", false}} {
			ps = append(ps, nn.Param{Name: cv.norm + "." + v.name, Dims: []int{cv.out}, Trainable: v.trainable})
		}
	}
	return append(ps, nn.Param{Name: "fc.weight", Dims: []int{512, c.NumClasses}, Trainable: true}, nn.Param{Name: "fc.bias", Dims: []int{c.NumClasses}, Trainable: true})
}

// Init creates the network's variables in the store with torchvision's initial distributions: kernels normal with standard
// deviation sqrt(2/(k·k·out)) (He et al. 2015, "fan out"), batch norm's weights 1 and biases 0, the last layer uniform in
// ±1/sqrt(512). The numbers depend on the seed alone and are the same on every backend. A variable that exists already keeps
// its value.
func (c Config) Init(store *model.Store, seed uint64) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := nn.CreateVariables(store, c.Params(), func(p nn.Param) []float32 { return initialValues(p, seed) }); err != nil {
		return fmt.Errorf("resnet: %w", err)
	}
	return nil
}

func initialValues(p nn.Param, seed uint64) []float32 {
	rng := p.Generator(seed)
	values := make([]float32, p.Size())
	fill := func(next func() float64) {
		for i := range values {
			values[i] = float32(next())
		}
	}
	switch {
	case p.IsConvKernel():
		std := math.Sqrt(2 / float64(p.Dims[0]*p.Dims[1]*p.Dims[3]))
		fill(func() float64 { return rng.NormFloat64() * std })
	case nn.IsHead(p.Name):
		bound := 1 / math.Sqrt(512)
		fill(func() float64 { return (2*rng.Float64() - 1) * bound })
	case strings.HasSuffix(p.Name, "weight"), strings.HasSuffix(p.Name, "running_var"):
		fill(func() float64 { return 1 })
	}
	return values
}
