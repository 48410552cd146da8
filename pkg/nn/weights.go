package nn

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
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

var (
	// ErrArchitecture is returned by ReadWeights and ReadFeatures if the names or shapes of a file's tensors are not the
	// network's.
	ErrArchitecture = errors.New("weights of a different architecture")
	// ErrOutputs is an ErrArchitecture for a file that differs only in the last layer: ReadFeatures can read it.
	ErrOutputs = fmt.Errorf("%w: different number of outputs", ErrArchitecture)
)

// ReadWeights sets a network's variables from a file that WriteWeights or PyTorch wrote. It checks all names and shapes and
// reads all values before it changes anything: after an error the network is as it was. PyTorch's counters
// num_batches_tracked are ignored: with a fixed momentum they have no effect.
func ReadWeights(f *safetensors.File, store *model.Store, params []Param) error {
	return readWeights(f, store, params, func(string) bool { return false })
}

// ReadFeatures is ReadWeights for all variables but those of the last layer, "fc", which keep their values: fresh ones after the
// network's Init. This is for fine-tuning: a network for other classes starts from a trained one, for example from torchvision's
// weights for ImageNet with their 1,000 outputs. The file may have a last layer of any size, or none.
func ReadFeatures(f *safetensors.File, store *model.Store, params []Param) error {
	features := slices.DeleteFunc(slices.Clone(params), func(p Param) bool { return isHead(p.Name) })
	return readWeights(f, store, features, isHead)
}

// isHead reports whether a variable belongs to the last layer.
func isHead(name string) bool { return strings.HasPrefix(name, "fc.") }

// readWeights reads the tensors of params. The file may have no other tensors than those that skip accepts.
func readWeights(f *safetensors.File, store *model.Store, params []Param, skip func(name string) bool) error {
	if err := checkWeights(f, store, params, skip); err != nil {
		return err
	}
	values := make([][]float32, len(params))
	for i, p := range params {
		t, err := f.Tensor(p.Name)
		if err != nil {
			return fmt.Errorf("nn: weights: %w", err)
		}
		values[i] = slices.AppendSeq(make([]float32, 0, p.Size()), transpose(byteFloats(t.Data), p.TorchDims(), inverse(p.torchAxes())))
	}
	for i, p := range params {
		if err := SetValues(store, p, values[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkWeights checks that a file has the tensors of params and no others, and that they fit the store.
func checkWeights(f *safetensors.File, store *model.Store, params []Param, skip func(name string) bool) error {
	known := map[string]bool{}
	for _, p := range params {
		known[p.Name] = true
		e, ok := f.Entry(p.Name)
		v := store.GetVariable(p.Path())
		switch {
		case !ok:
			return fmt.Errorf("nn: %w: no tensor %q, want %v", ErrArchitecture, p.Name, p.TorchDims())
		case e.DType != "F32":
			return fmt.Errorf("nn: weights: tensor %q has dtype %s, want F32", p.Name, e.DType)
		case !slices.Equal(e.Shape, p.TorchDims()):
			return fmt.Errorf("nn: %w: tensor %q has shape %v, want %v", shapeError(p), p.Name, e.Shape, p.TorchDims())
		case v != nil && (v.DType() != dtypes.Float32 || !slices.Equal(v.Shape().Dimensions, p.Dims)):
			return fmt.Errorf("nn: weights: the network's variable %q is %s, want float32 %v", p.Name, v.Shape(), p.Dims)
		}
	}
	for _, name := range f.Names() {
		if !known[name] && !skip(name) && !strings.HasSuffix(name, ".num_batches_tracked") {
			return fmt.Errorf("nn: %w: tensor %q is not part of this network", ErrArchitecture, name)
		}
	}
	return nil
}

// shapeError is the error for a tensor of another shape. The last layer comes last, so all before it agree.
func shapeError(p Param) error {
	if isHead(p.Name) {
		return ErrOutputs
	}
	return ErrArchitecture
}

// transpose yields the values in the order that they have after the axes are permuted: new axis i is old axis axes[i].
func transpose(values []float32, dims, axes []int) iter.Seq[float32] {
	strides := make([]int, len(dims))
	for i, s := len(dims)-1, 1; i >= 0; i-- {
		strides[i] = s
		s *= dims[i]
	}
	return func(yield func(float32) bool) {
		var walk func(depth, at int) bool
		walk = func(depth, at int) bool {
			if depth == len(axes) {
				return yield(values[at])
			}
			for i := range dims[axes[depth]] {
				if !walk(depth+1, at+i*strides[axes[depth]]) {
					return false
				}
			}
			return true
		}
		walk(0, 0)
	}
}

func inverse(axes []int) []int {
	inv := make([]int, len(axes))
	for i, a := range axes {
		inv[a] = i
	}
	return inv
}

func writeFloats(w io.Writer, values iter.Seq[float32]) error {
	buf := bufio.NewWriterSize(w, 1<<16)
	for v := range values {
		buf.Write(binary.LittleEndian.AppendUint32(buf.AvailableBuffer(), math.Float32bits(v))) // Flush has the error
	}
	return buf.Flush()
}

func byteFloats(b []byte) []float32 {
	values := make([]float32, len(b)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return values
}
