package pretrained

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

// Live gives for kernels that the data reaches only in part the first and the last row (and column) that it reaches, by
// name.
type Live = map[string][2]int

// Write writes a network's variables in the compact form, with kernels and matrices of the type info.DType. torchName translates
// their names into PyTorch's, which live and the file have; SameName leaves them as they are. The names of the other tensors
// must begin with "history/".
func Write(out io.Writer, store *model.Store, params []nn.Param, torchName func(string) string, live Live, info Info, others ...safetensors.Tensor) error {
	if !slices.Contains(DTypes, info.DType) {
		return fmt.Errorf("pretrained: dtype is %q, want one of %v", info.DType, DTypes)
	}
	var ts []safetensors.Tensor
	first := map[string]int{}
	for _, p := range params {
		values, err := nn.Values(store, p)
		if err != nil {
			return err
		}
		name := torchName(p.Name)
		reached, partly := live[name]
		if partly {
			first[name] = reached[0]
		} else {
			reached[1] = p.Dims[0] - 1
		}
		stored, shape := crop(values, p.Dims, reached)
		encoded, err := encode(name, stored, shape, info.DType)
		if err != nil {
			return fmt.Errorf("pretrained: %s: %w", p.Name, err)
		}
		ts = append(ts, encoded...)
	}
	for _, t := range others {
		if !strings.HasPrefix(t.Name, historyPrefix) {
			return fmt.Errorf("pretrained: tensor %q: want a name that begins with %q", t.Name, historyPrefix)
		}
		ts = append(ts, t)
	}
	return write(out, ts, info, first)
}

// write writes a gzipped file of tensors with their metadata.
func write(out io.Writer, ts []safetensors.Tensor, info Info, first map[string]int) error {
	about, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("pretrained: %w", err)
	}
	rows, err := json.Marshal(first)
	if err != nil {
		return fmt.Errorf("pretrained: %w", err)
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("pretrained: %w", err)
	}
	metadata := map[string]string{formatKey: format, infoKey: string(about), firstKey: string(rows)}
	if err := safetensors.Write(z, ts, metadata); err != nil {
		return err
	}
	return z.Close()
}

// crop returns the values of a variable in PyTorch's layout; of a kernel, those in the rows and columns that the data reaches.
func crop(values []float32, dims []int, reached [2]int) (stored []float32, shape []int) {
	switch len(dims) {
	case 1:
		return values, dims
	case 2:
		stored, shape = crop(values, append([]int{1, 1}, dims...), [2]int{})
		return stored, shape[:2]
	}
	k, in, out := dims[1], dims[2], dims[3]
	from, to := reached[0], reached[1]
	for o := range out {
		for i := range in {
			for y := from; y <= to; y++ {
				for x := from; x <= to; x++ {
					stored = append(stored, values[((y*k+x)*in+i)*out+o])
				}
			}
		}
	}
	return stored, []int{out, in, to - from + 1, to - from + 1}
}

// encode returns the tensors of a variable: one, and for int8 the scales.
func encode(name string, values []float32, shape []int, dtype string) ([]safetensors.Tensor, error) {
	if len(shape) == 1 {
		dtype = float32Type // few, and sums and variances need their digits
	}
	t := safetensors.Tensor{Name: name, DType: dtype, Shape: shape}
	if dtype == int8Type {
		scales := safetensors.Tensor{Name: name + scaleSuffix, DType: float32Type, Shape: shape[:1]}
		var err error
		t.Data, scales.Data, err = encodeInt8(values, shape[0])
		return []safetensors.Tensor{t, scales}, err
	}
	var err error
	t.Data, err = encodeFloats(values, dtype)
	return []safetensors.Tensor{t}, err
}
