package nn

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/safetensors"
)

var (
	// ErrArchitecture is returned by ReadWeights and ReadFeatures if the names or shapes of a file's tensors are not the
	// network's.
	ErrArchitecture = errors.New("weights of a different architecture")
	// ErrOutputs is an ErrArchitecture for a file that differs only in the last layer: ReadFeatures can read it.
	ErrOutputs = fmt.Errorf("%w: different number of outputs", ErrArchitecture)
	// ErrValues is returned by ReadWeights and ReadFeatures for values that no trained network has, such as NaN.
	ErrValues = errors.New("unusable weights")
)

// ReadWeights sets a network's variables from a file that WriteWeights or PyTorch wrote, in float64, float32, float16 or
// bfloat16. It checks all names and shapes and reads and checks all values before it changes anything: after an error the
// network is as it was.
//
// PyTorch's counters num_batches_tracked are ignored, whether or not they are there: with a fixed momentum they have no effect.
// So is a prefix that all names have; see NamePrefix.
func ReadWeights(f *safetensors.File, store *model.Store, params []Param) error {
	return readWeights(f, store, params, func(string) bool { return false })
}

// ReadFeatures is ReadWeights for all variables but those of the last layer, "fc", which keep their values: fresh ones after the
// network's Init. This is for fine-tuning: a network for other classes starts from a trained one, for example from torchvision's
// weights for ImageNet with their 1,000 outputs. The file may have a last layer of any size, or none.
func ReadFeatures(f *safetensors.File, store *model.Store, params []Param) error {
	features := slices.DeleteFunc(slices.Clone(params), func(p Param) bool { return IsHead(p.Name) })
	return readWeights(f, store, features, IsHead)
}

// IsHead reports whether a variable belongs to the last layer.
func IsHead(name string) bool { return strings.HasPrefix(name, "fc.") }

// NamePrefix returns what precedes the names of params in a file, such as "module." (DataParallel), "_orig_mod." (torch.compile)
// or "model.". It returns "" if nothing does, or if the names are not there.
func NamePrefix(f *safetensors.File, params []Param) string {
	best, most := "", 0
	prefixes := []string{""}
	for _, name := range f.Names() {
		if prefix, ok := strings.CutSuffix(name, "."+params[0].Name); ok {
			prefixes = append(prefixes, prefix+".")
		}
	}
	for _, prefix := range prefixes[:min(len(prefixes), 10)] {
		found := 0
		for _, p := range params {
			if _, ok := f.Entry(prefix + p.Name); ok {
				found++
			}
		}
		if found > most {
			best, most = prefix, found
		}
	}
	return best
}

// readWeights reads the tensors of params. The file may have no other tensors than those that skip accepts.
func readWeights(f *safetensors.File, store *model.Store, params []Param, skip func(name string) bool) error {
	prefix := NamePrefix(f, params)
	if err := checkWeights(f, prefix, store, params, skip); err != nil {
		return err
	}
	values := make([][]float32, len(params))
	for i, p := range params {
		t, err := f.Tensor(prefix + p.Name)
		if err != nil {
			return fmt.Errorf("nn: weights: %w", err)
		}
		floats := Floats(t)
		if err := checkValues(t, floats); err != nil {
			return err
		}
		values[i] = transpose(floats, p.TorchDims(), inverse(p.torchAxes()))
	}
	for i, p := range params {
		if err := SetValues(store, p, values[i]); err != nil {
			return err
		}
	}
	return nil
}

// checkWeights checks that a file has the tensors of params and no others, and that they fit the store.
func checkWeights(f *safetensors.File, prefix string, store *model.Store, params []Param, skip func(name string) bool) error {
	known := map[string]bool{}
	var outputs error // ErrOutputs, if there is no other error
	for _, p := range params {
		name := prefix + p.Name
		known[name] = true
		e, ok := f.Entry(name)
		v := store.GetVariable(p.Path())
		switch {
		case !ok:
			return fmt.Errorf("nn: %w: no tensor %q, want %v", ErrArchitecture, name, p.TorchDims())
		case floatSize[e.DType] == 0:
			return fmt.Errorf("nn: weights: tensor %q has dtype %s, want F32, F64, F16 or BF16", name, e.DType)
		case !slices.Equal(e.Shape, p.TorchDims()) && IsHead(p.Name):
			outputs = cmp.Or(outputs, fmt.Errorf("nn: %w: tensor %q has shape %v, want %v", ErrOutputs, name, e.Shape, p.TorchDims()))
		case !slices.Equal(e.Shape, p.TorchDims()):
			return fmt.Errorf("nn: %w: tensor %q has shape %v, want %v", ErrArchitecture, name, e.Shape, p.TorchDims())
		case v != nil && (v.DType() != dtypes.Float32 || !slices.Equal(v.Shape().Dimensions, p.Dims)):
			return fmt.Errorf("nn: weights: the network's variable %q is %s, want float32 %v", p.Name, v.Shape(), p.Dims)
		}
	}
	for _, name := range f.Names() {
		if !known[name] && !skip(strings.TrimPrefix(name, prefix)) && !strings.HasSuffix(name, ".num_batches_tracked") {
			return fmt.Errorf("nn: %w: tensor %q is not part of this network", ErrArchitecture, name)
		}
	}
	return outputs
}

// checkValues returns an error for values with which a network computes nothing but NaN.
func checkValues(t safetensors.Tensor, values []float32) error {
	variance := strings.HasSuffix(t.Name, ".running_var")
	for i, v := range values {
		switch f := float64(v); {
		case math.IsNaN(f) || math.IsInf(f, 0):
			return fmt.Errorf("nn: %w: tensor %q has the value %g at index %d, want finite float32 numbers: the training that made it has diverged",
				ErrValues, t.Name, v, i)
		case variance && v < 0:
			return fmt.Errorf("nn: %w: tensor %q has the value %g at index %d, want variances of at least 0", ErrValues, t.Name, v, i)
		}
	}
	return nil
}

// floatSize is the size in bytes of one value of the types that are read.
var floatSize = map[string]int{"F64": 8, "F32": 4, "F16": 2, "BF16": 2}

// Floats converts a tensor's values, which are F64, F32, F16 or BF16. float16 and bfloat16 become wider without a change; float64 is
// rounded.
func Floats(t safetensors.Tensor) []float32 {
	size := floatSize[t.DType]
	values := make([]float32, len(t.Data)/size)
	for i := range values {
		switch at := t.Data[size*i:]; t.DType {
		case "F64":
			values[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(at)))
		case "F32":
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(at))
		case "F16":
			values[i] = float16.FromBits(binary.LittleEndian.Uint16(at)).Float32()
		case "BF16":
			values[i] = bfloat16.FromBits(binary.LittleEndian.Uint16(at)).Float32()
		}
	}
	return values
}
