package nn

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/safetensors"
)

// torchAxes maps the axes of Dims to PyTorch's: kernels HWIO to OIHW, dense weights [in, out] to
// [out, in].
func (p Param) torchAxes() []int {
	switch len(p.Dims) {
	case 4:
		return []int{3, 2, 0, 1}
	case 2:
		return []int{1, 0}
	}
	return []int{0}
}

// TorchDims returns the variable's dimensions in PyTorch's layout.
func (p Param) TorchDims() []int {
	dims := make([]int, len(p.Dims))
	for i, axis := range p.torchAxes() {
		dims[i] = p.Dims[axis]
	}
	return dims
}

// WriteWeights writes a network's variables as safetensors with PyTorch's names and layouts, which load_state_dict accepts.
func WriteWeights(w io.Writer, store *model.Store, params []Param, metadata map[string]string) error {
	ts := make([]safetensors.Tensor, len(params))
	for i, p := range params {
		ts[i] = safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.TorchDims()}
	}
	return safetensors.WriteEach(w, ts, metadata, func(w io.Writer, i int) error {
		p := params[i]
		v, err := value(store, p)
		if err != nil {
			return err
		}
		var written error
		err = tensors.ConstFlatData(v, func(values []float32) {
			written = writeFloats(w, transpose(values, p.Dims, p.torchAxes()))
		})
		return errors.Join(err, written)
	})
}

// transpose returns the values in the order that they have after the axes are permuted: new axis i is old axis axes[i].
func transpose(values []float32, dims, axes []int) []float32 {
	strides := make([]int, len(dims))
	for i, s := len(dims)-1, 1; i >= 0; i-- {
		strides[i] = s
		s *= dims[i]
	}
	permuted := make([]float32, 0, len(values))
	var walk func(axes []int, at int)
	walk = func(axes []int, at int) {
		for range dims[axes[0]] {
			if len(axes) == 1 {
				permuted = append(permuted, values[at])
			} else {
				walk(axes[1:], at)
			}
			at += strides[axes[0]]
		}
	}
	walk(axes, 0)
	return permuted
}

func inverse(axes []int) []int {
	inv := make([]int, len(axes))
	for i, a := range axes {
		inv[a] = i
	}
	return inv
}

func writeFloats(w io.Writer, values []float32) error {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	_, err := w.Write(data)
	return err
}
