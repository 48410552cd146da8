package nn

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
	"nndl.example/resnet18/pkg/safetensors"
)

func TestBadWeights(t *testing.T) {
	params := []Param{{"a.weight", []int{2, 3}, true}, {"a.bias", []int{2}, true}}
	good := func() []safetensors.Tensor {
		return []safetensors.Tensor{
			{Name: "a.weight", DType: "F32", Shape: []int{3, 2}, Data: make([]byte, 24)},
			{Name: "a.bias", DType: "F32", Shape: []int{2}, Data: make([]byte, 8)},
		}
	}
	for _, test := range []struct {
		name, want string
		change     func(ts []safetensors.Tensor) []safetensors.Tensor
	}{
		{"missing", `no tensor "a.bias"`, func(ts []safetensors.Tensor) []safetensors.Tensor { return ts[:1] }},
		{"extra", `"b.weight" is not part`, func(ts []safetensors.Tensor) []safetensors.Tensor {
			return append(ts, safetensors.Tensor{Name: "b.weight", DType: "F32", Data: make([]byte, 4)})
		}},
		{"shape", `"a.weight" has shape [2 3], want [3 2]`, func(ts []safetensors.Tensor) []safetensors.Tensor { ts[0].Shape = []int{2, 3}; return ts }},
		{"rank", `"a.weight" has shape [6], want [3 2]`, func(ts []safetensors.Tensor) []safetensors.Tensor { ts[0].Shape = []int{6}; return ts }},
		{"dtype", `"a.bias" has dtype I32`, func(ts []safetensors.Tensor) []safetensors.Tensor { ts[1].DType = "I32"; return ts }},
		{"8 bits", `"a.bias" has dtype F8_E4M3, want F32, F64, F16 or BF16`, func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[1].DType, ts[1].Data = "F8_E4M3", make([]byte, 2)
			return ts
		}},
		{"NaN", `unusable weights: tensor "a.weight" has the value NaN at index 5`, func(ts []safetensors.Tensor) []safetensors.Tensor {
			copy(ts[0].Data[20:], []byte{0, 0, 0xC0, 0x7F})
			return ts
		}},
		{"infinity in float16", `"a.bias" has the value -Inf at index 1`, func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[1].DType, ts[1].Data = "F16", []byte{0, 0, 0, 0xFC}
			return ts
		}},
		{"too large for float32", `"a.bias" has the value +Inf at index 0`, func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[1].DType, ts[1].Data = "F64", []byte{0, 0, 0, 0, 0, 0, 0, 0x7E, 0, 0, 0, 0, 0, 0, 0, 0}
			return ts
		}},
		{"two prefixes", `no tensor "module.a.bias", want [2]`, func(ts []safetensors.Tensor) []safetensors.Tensor {
			ts[0].Name, ts[1].Name = "module."+ts[0].Name, "model."+ts[1].Name
			return ts
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := model.NewStore()
			var file bytes.Buffer
			require.NoError(t, safetensors.Write(&file, test.change(good()), nil))
			f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
			require.NoError(t, err)
			badinput.Refused(t, "weights", func() error { return ReadWeights(f, store, params) }, test.want)
			require.Zero(t, store.NumVariables(), "a bad file must change nothing")
		})
	}
	_, err := Values(model.NewStore(), params[0])
	require.ErrorContains(t, err, `"a.weight" is not in the store`)
}

// A file that cannot be read to its end, or that does not fit the last variable, has set none of the others.
func TestWeightsAllOrNothing(t *testing.T) {
	t.Parallel()
	params := []Param{{"a.weight", []int{2, 3}, true}, {"a.bias", []int{2}, true}}
	ones := func(n int) []byte { return bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, n) }
	var file bytes.Buffer
	require.NoError(t, safetensors.Write(&file, []safetensors.Tensor{
		{Name: "a.weight", DType: "F32", Shape: []int{3, 2}, Data: ones(6)}, {Name: "a.bias", DType: "F32", Shape: []int{2}, Data: ones(2)}}, nil))
	cut, err := safetensors.Read(bytes.NewReader(file.Bytes()[:file.Len()-1]), int64(file.Len()))
	require.NoError(t, err, "the header is whole")
	whole, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	for _, test := range []struct {
		name string
		file *safetensors.File
		bias int // elements of the network's own variable
		want string
	}{
		{"cut while it is open", cut, 2, `nn: weights: safetensors: tensor "a.bias": EOF`},
		{"another network", whole, 3, `nn: weights: the network's variable "a.bias" is (Float32)[3], want float32 [2]`},
	} {
		store := model.NewStore()
		require.NoError(t, SetValues(store, params[0], make([]float32, 6)))
		require.NoError(t, SetValues(store, Param{"a.bias", []int{test.bias}, true}, make([]float32, test.bias)))
		require.EqualError(t, ReadWeights(test.file, store, params), test.want, test.name)
		v, err := Values(store, params[0])
		require.NoError(t, err)
		require.Equal(t, make([]float32, 6), v, test.name)
	}
}

// TestBadWeightsKeepStore: where the last tensor is bad, the first is not set either.
func TestBadWeightsKeepStore(t *testing.T) {
	t.Parallel()
	params := []Param{{"a.weight", []int{2, 3}, true}, {"a.bias", []int{2}, true}}
	store := model.NewStore()
	for _, p := range params {
		require.NoError(t, SetValues(store, p, ones(p)))
	}
	data := bytes.Repeat([]byte{1}, 24)
	for name, bias := range map[string]safetensors.Tensor{
		"shape": {Name: "a.bias", DType: "F32", Shape: []int{3}, Data: data[:12]},
		"dtype": {Name: "a.bias", DType: "I16", Shape: []int{2}, Data: data[:4]},
		"name":  {Name: "a.shift", DType: "F32", Shape: []int{2}, Data: data[:8]},
	} {
		var file bytes.Buffer
		require.NoError(t, safetensors.Write(&file, []safetensors.Tensor{{Name: "a.weight", DType: "F32", Shape: []int{3, 2}, Data: data}, bias}, nil))
		f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		require.NoError(t, err)
		require.ErrorContains(t, ReadWeights(f, store, params), `"a.bias"`, name)
		for _, p := range params {
			got, err := Values(store, p)
			require.NoError(t, err)
			require.Equal(t, ones(p), got, name)
		}
	}
}

// TestCountersAreIgnored: PyTorch's files hold num_batches_tracked, which has no use here.
func TestCountersAreIgnored(t *testing.T) {
	t.Parallel()
	params := []Param{{"bn1.bias", []int{2}, true}}
	var file bytes.Buffer
	require.NoError(t, safetensors.Write(&file, []safetensors.Tensor{
		{Name: "bn1.bias", DType: "F32", Shape: []int{2}, Data: []byte{0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40}},
		{Name: "bn1.num_batches_tracked", DType: "I64", Data: make([]byte, 8)},
	}, nil))
	f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	store := model.NewStore()
	require.NoError(t, ReadWeights(f, store, params))
	got, err := Values(store, params[0])
	require.NoError(t, err)
	require.Equal(t, []float32{3, 4}, got)
}

// TestWeightsFromElsewhere reads what PyTorch and its tools write: other floating-point types and prefixes, with and without
// counters.
func TestWeightsFromElsewhere(t *testing.T) {
	t.Parallel()
	params := []Param{{"conv1.weight", []int{2}, true}, {"layer1.0.conv1.weight", []int{2}, true}, {"fc.weight", []int{2}, true}}
	types := map[string][]byte{ // 1.5 and -0.25
		"F32":  {0, 0, 0xC0, 0x3F, 0, 0, 0x80, 0xBE},
		"F64":  {0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0, 0, 0, 0, 0, 0, 0xD0, 0xBF},
		"F16":  {0, 0x3E, 0, 0xB4},
		"BF16": {0xC0, 0x3F, 0x80, 0xBE},
	}
	for dtype, data := range types {
		for _, prefix := range []string{"", "module.", "_orig_mod.", "model.", "module._orig_mod.", "backbone.net."} {
			for _, counter := range []bool{false, true} {
				var ts []safetensors.Tensor
				for _, p := range params {
					ts = append(ts, safetensors.Tensor{Name: prefix + p.Name, DType: dtype, Shape: []int{2}, Data: data})
				}
				if counter {
					ts = append(ts, safetensors.Tensor{Name: prefix + "bn1.num_batches_tracked", DType: "I64", Data: make([]byte, 8)})
				}
				var file bytes.Buffer
				require.NoError(t, safetensors.Write(&file, ts, nil))
				f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
				require.NoError(t, err)
				require.Equal(t, prefix, NamePrefix(f, params))
				for _, read := range []func(*safetensors.File, *model.Store, []Param) error{ReadWeights, ReadFeatures} {
					store := model.NewStore()
					require.NoError(t, read(f, store, params), "%s, %q", dtype, prefix)
					got, err := Values(store, params[1])
					require.NoError(t, err)
					require.Equal(t, []float32{1.5, -0.25}, got, "%s, %q", dtype, prefix)
				}
			}
		}
	}
}

// A variance below 0 has no square root.
func TestBadVariance(t *testing.T) {
	var file bytes.Buffer
	require.NoError(t, safetensors.Write(&file, []safetensors.Tensor{{Name: "bn1.running_var", DType: "F32", Shape: []int{1}, Data: []byte{0, 0, 0x80, 0xBF}}}, nil))
	f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	err = ReadWeights(f, model.NewStore(), []Param{{"bn1.running_var", []int{1}, false}})
	require.ErrorIs(t, err, ErrValues)
	require.ErrorContains(t, err, `"bn1.running_var" has the value -1 at index 0, want variances of at least 0`)
}

// ones are values that no bad file holds.
func ones(p Param) []float32 {
	v := make([]float32, p.Size())
	for i := range v {
		v[i] = 1
	}
	return v
}

// TestOtherOutputs: the error is ErrOutputs only for a file that ReadFeatures can read.
func TestOtherOutputs(t *testing.T) {
	params := []Param{{"a.weight", []int{2, 3}, true}, {"fc.weight", []int{2, 3}, true}}
	ts := []safetensors.Tensor{
		{Name: "a.weight", DType: "F32", Shape: []int{3, 2}, Data: make([]byte, 24)},
		{Name: "fc.weight", DType: "F32", Shape: []int{5, 2}, Data: make([]byte, 40)},
		{Name: "b.weight", DType: "F32", Data: make([]byte, 4)}, // as a deeper network has
	}
	for n, want := range map[int]error{2: ErrOutputs, 3: ErrArchitecture} {
		var file bytes.Buffer
		require.NoError(t, safetensors.Write(&file, ts[:n], nil))
		f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		require.NoError(t, err)
		err = ReadWeights(f, model.NewStore(), params)
		require.ErrorIs(t, err, want)
		require.Equal(t, n == 2, errors.Is(err, ErrOutputs), err)
	}
}
