package pretrained

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

// Load sets all variables of a network and creates those that are missing: its Init need not have been called. Weights that the
// file leaves out become zero. It returns nn.ErrArchitecture if names or shapes are not the network's. After an error
// nothing has changed.
func (w *Weights) Load(store *model.Store, params []nn.Param) error {
	return w.LoadAs(store, params, SameName)
}

// SameName is for networks whose variables have PyTorch's names.
func SameName(name string) string { return name }

// LoadAs is Load for a network with names of its own: torchName translates them into those of the file.
func (w *Weights) LoadAs(store *model.Store, params []nn.Param, torchName func(string) string) error {
	return w.load(store, params, torchName, func(string) bool { return false })
}

// LoadFeatures is Load for all variables but those of the last layer, which keep their values: see nn.ReadFeatures.
func (w *Weights) LoadFeatures(store *model.Store, params []nn.Param) error {
	features := slices.DeleteFunc(slices.Clone(params), func(p nn.Param) bool { return nn.IsHead(p.Name) })
	return w.load(store, features, SameName, nn.IsHead)
}

// load sets the variables of params. The file may have no other tensors than those that skip accepts.
func (w *Weights) load(store *model.Store, params []nn.Param, torchName func(string) string, skip func(name string) bool) error {
	known, values := map[string]bool{}, make([][]float32, len(params))
	for i, p := range params {
		name := torchName(p.Name)
		if known[name] {
			return fmt.Errorf("pretrained: two variables have the name %q in the file, the second is %q", name, p.Name)
		}
		known[name], known[name+scaleSuffix] = true, true
		var err error
		if values[i], err = w.values(name, p); err != nil {
			return fmt.Errorf("pretrained: weights of %s: %w", w.Info.Network, err)
		}
	}
	for _, name := range w.file.Names() {
		if !known[name] && !skip(name) && !strings.HasPrefix(name, historyPrefix) {
			return fmt.Errorf("pretrained: weights of %s: %w: tensor %.100q is not part of this network", w.Info.Network, nn.ErrArchitecture, name)
		}
	}
	for i, p := range params {
		if err := nn.SetValues(store, p, values[i]); err != nil {
			return err
		}
	}
	return nil
}

// values returns a variable's values in the order of its Dims.
func (w *Weights) values(name string, p nn.Param) ([]float32, error) {
	e, ok := w.file.Entry(name)
	if !ok {
		return nil, fmt.Errorf("%w: no tensor %q, want %v", nn.ErrArchitecture, name, p.TorchDims())
	}
	first, cropped := w.first[name]
	if !fits(e.Shape, p, first, cropped) {
		return nil, fmt.Errorf("%w: tensor %q has shape %v from row %d on, want %v", nn.ErrArchitecture, name, e.Shape, first, p.TorchDims())
	}
	stored, err := w.decode(name)
	if err != nil {
		return nil, err
	}
	switch len(p.Dims) {
	case 4:
		return placeKernel(stored, e.Shape, p.Dims, first), nil
	case 2:
		return placeKernel(stored, append(slices.Clone(e.Shape), 1, 1), append([]int{1, 1}, p.Dims...), 0), nil
	}
	return stored, nil
}

// fits reports whether a tensor of this shape, from row and column first on, is a variable's. Only kernels are cropped.
func fits(shape []int, p nn.Param, first int, cropped bool) bool {
	want := p.TorchDims()
	if !cropped || len(want) != 4 {
		return !cropped && slices.Equal(shape, want)
	}
	return len(shape) == 4 && shape[0] == want[0] && shape[1] == want[1] && shape[2] == shape[3] &&
		shape[2] > 0 && first >= 0 && first <= want[2]-shape[2]
}

// placeKernel puts the stored values, [out, in, rows, columns], into a kernel [k, k, in, out] of zeros, from row and column
// first on.
func placeKernel(stored []float32, shape, dims []int, first int) []float32 {
	k, in, out := dims[1], dims[2], dims[3]
	rows := shape[2]
	values := make([]float32, dims[0]*k*in*out)
	for o := range out {
		for i := range in {
			for y := range rows {
				for x, v := range stored[((o*in+i)*rows+y)*rows:][:rows] {
					values[(((first+y)*k+first+x)*in+i)*out+o] = v
				}
			}
		}
	}
	return values
}

// decode returns the values of a tensor as float32.
func (w *Weights) decode(name string) ([]float32, error) {
	t, err := w.file.Tensor(name)
	if err != nil {
		return nil, err
	}
	if t.DType != int8Type {
		values, err := decodeFloats(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w: %w", name, ErrCorrupt, err)
		}
		return values, nil
	}
	var scales safetensors.Tensor
	if e, _ := w.file.Entry(name + scaleSuffix); e.DType != float32Type || !slices.Equal(e.Shape, t.Shape[:min(1, len(t.Shape))]) {
		return nil, fmt.Errorf("%w: tensor %q is I8%v with scales %s%v, want a float32 for each output", ErrCorrupt, name, t.Shape, e.DType, e.Shape)
	}
	if scales, err = w.file.Tensor(name + scaleSuffix); err != nil {
		return nil, err
	}
	return decodeInt8(t, scales), nil
}
