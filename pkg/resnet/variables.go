package resnet

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Param is one variable of the network.
type Param struct {
	Name      string // torchvision's name, e.g. "layer1.0.bn1.running_mean"
	Dims      []int  // its dimensions here: kernels [k, k, in, out], fc.weight [in, out], others [channels]
	Trainable bool   // false for running statistics
}

// Size is the number of its elements.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Dims {
		n *= d
	}
	return n
}

// Path is where the variable stands in a GoMLX Store: "/layer1/0/bn1/running_mean".
func (p Param) Path() string { return "/" + strings.ReplaceAll(p.Name, ".", "/") }

// Params lists the network's variables in torchvision's order.
func (c Config) Params() []Param {
	c = c.withDefaults()
	var ps []Param
	add := func(cv conv) {
		ps = append(ps, Param{cv.name + ".weight", []int{cv.kernel, cv.kernel, cv.in, cv.out}, true})
		for _, v := range []struct {
			name      string
			trainable bool
		}{{"weight", true}, {"bias", true}, {"running_mean", false}, {"running_var", false}} {
			ps = append(ps, Param{cv.norm + "." + v.name, []int{cv.out}, v.trainable})
		}
	}
	stem, _, blocks := c.architecture(32)
	add(stem)
	for _, b := range blocks {
		add(b.conv1)
		add(b.conv2)
		if b.projection != nil {
			add(*b.projection)
		}
	}
	return append(ps, Param{"fc.weight", []int{512, c.NumClasses}, true}, Param{"fc.bias", []int{c.NumClasses}, true})
}

// Init creates the network's variables in the store with torchvision's initial distributions: kernels
// normal with standard deviation sqrt(2/(k·k·out)) (He et al. 2015, "fan out"), batch norms 1 and 0, the
// last layer uniform in ±1/sqrt(512). The numbers come from the seed alone, the same on every backend.
// A variable that is in the store already stays as it is.
func (c Config) Init(store *model.Store, seed uint64) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := CreateVariables(store, c.Params(), func(p Param) []float32 { return initialValues(p, seed) }); err != nil {
		return fmt.Errorf("resnet: %w", err)
	}
	return nil
}

// CreateVariables puts variables with the given values into a store.
func CreateVariables(store *model.Store, params []Param, values func(Param) []float32) error {
	for _, p := range params {
		v, err := store.CreateVariable(p.Path(), tensors.FromFlatDataAndDimensions(values(p), p.Dims...))
		if err != nil {
			return fmt.Errorf("variable %s: %w", p.Name, err)
		}
		v.SetTrainable(p.Trainable)
	}
	return nil
}

// Generator is the variable's own source of random numbers, so that its start does not depend on which others there are:
// the library's and the custom model share all but the last layer's.
func (p Param) Generator(seed uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

func initialValues(p Param, seed uint64) []float32 {
	rng := p.Generator(seed)
	values := make([]float32, p.Size())
	fill := func(next func() float64) {
		for i := range values {
			values[i] = float32(next())
		}
	}
	switch {
	case len(p.Dims) == 4:
		std := math.Sqrt(2 / float64(p.Dims[0]*p.Dims[1]*p.Dims[3]))
		fill(func() float64 { return rng.NormFloat64() * std })
	case strings.HasPrefix(p.Name, "fc."):
		bound := 1 / math.Sqrt(512)
		fill(func() float64 { return (2*rng.Float64() - 1) * bound })
	case strings.HasSuffix(p.Name, "weight"), strings.HasSuffix(p.Name, "running_var"):
		fill(func() float64 { return 1 })
	}
	return values
}
