package nn

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

// Param describes one variable of a network.
type Param struct {
	Name      string // its name in PyTorch, for example "layer1.0.bn1.running_mean"
	Dims      []int  // its dimensions here: kernels [k, k, in, out], dense weights [in, out], others [channels]
	Trainable bool   // false for running statistics
}

// Size returns the number of elements.
func (p Param) Size() int {
	n := 1
	for _, d := range p.Dims {
		n *= d
	}
	return n
}

// Path returns the variable's path in a GoMLX Store: "/layer1/0/bn1/running_mean".
func (p Param) Path() string { return "/" + strings.ReplaceAll(p.Name, ".", "/") }

// IsConvKernel reports whether the variable is the kernel of a convolution, [k, k, in, out].
func (p Param) IsConvKernel() bool { return len(p.Dims) == 4 }

// Generator returns a random number generator for the variable. It depends on the seed and the name alone, so two
// networks start with equal values wherever their variables have the same name.
func (p Param) Generator(seed uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(p.Name))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// CreateVariables creates variables with the given values in a store. A variable that exists already keeps its value.
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

// Values returns a copy of a variable's values, in the order of Param.Dims.
func Values(store *model.Store, p Param) ([]float32, error) {
	v, err := value(store, p)
	if err != nil {
		return nil, err
	}
	values, err := tensors.CopyFlatData[float32](v)
	if err != nil {
		return nil, fmt.Errorf("nn: variable %q: %w", p.Name, err)
	}
	return values, nil
}

// CountTrainable returns the number of values that training changes.
func CountTrainable(params []Param) (n int) {
	for _, p := range params {
		if p.Trainable {
			n += p.Size()
		}
	}
	return n
}

func value(store *model.Store, p Param) (*tensors.Tensor, error) {
	v := store.GetVariable(p.Path())
	if v == nil {
		return nil, fmt.Errorf("nn: variable %q is not in the store", p.Name)
	}
	t, err := v.Value()
	if err != nil {
		return nil, fmt.Errorf("nn: variable %q: %w", p.Name, err)
	}
	return t, nil
}

// SetValues sets a variable's values, in the order of Param.Dims, and creates it if it does not exist.
func SetValues(store *model.Store, p Param, values []float32) error {
	t := tensors.FromFlatDataAndDimensions(values, p.Dims...)
	v := store.GetVariable(p.Path())
	if v == nil {
		var err error
		if v, err = store.CreateVariable(p.Path(), t); err != nil {
			return fmt.Errorf("nn: variable %q: %w", p.Name, err)
		}
		v.SetTrainable(p.Trainable)
		return nil
	}
	if err := v.SetValue(t); err != nil {
		return fmt.Errorf("nn: variable %q: %w", p.Name, err)
	}
	return nil
}
