package pretrained

import (
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/safetensors"
)

// changedFile returns the file of small with changed tensors or metadata.
func changedFile(t testing.TB, dtype string, change func(ts map[string]safetensors.Tensor, metadata map[string]string)) []byte {
	data, err := unpack(written(t, trained(t, small), small, smallLive, dtype))
	require.NoError(t, err)
	f, err := safetensors.Read(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	ts := map[string]safetensors.Tensor{}
	for _, name := range f.Names() {
		if ts[name], err = f.Tensor(name); err != nil {
			t.Fatal(err)
		}
	}
	change(ts, f.Metadata)
	var b bytes.Buffer
	names := slices.Sorted(maps.Keys(ts))
	var list []safetensors.Tensor
	for _, name := range names {
		list = append(list, ts[name])
	}
	require.NoError(t, safetensors.Write(&b, list, f.Metadata))
	return b.Bytes()
}

func TestBadFiles(t *testing.T) {
	good := written(t, trained(t, small), small, smallLive, bfloat16Type)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	tensor := func(name, dtype string, shape []int, data int) safetensors.Tensor {
		return safetensors.Tensor{Name: name, DType: dtype, Shape: shape, Data: make([]byte, data)}
	}
	set := func(ts ...safetensors.Tensor) func(map[string]safetensors.Tensor, map[string]string) {
		return func(all map[string]safetensors.Tensor, _ map[string]string) {
			for _, t := range ts {
				all[t.Name] = t
			}
		}
	}
	metadata := func(key, value string) []byte {
		return changedFile(t, bfloat16Type, func(_ map[string]safetensors.Tensor, m map[string]string) { m[key] = value })
	}
	for name, test := range map[string]struct {
		data []byte
		want string
		is   error
	}{
		"empty":         {nil, "0 bytes", ErrCorrupt},
		"web page":      {[]byte("<!DOCTYPE html><html>404 not found</html>"), "not a safetensors file", ErrCorrupt},
		"cut":           {good[:len(good)-9], "unexpected EOF", ErrCorrupt},
		"flipped bit":   {flipped, "", ErrCorrupt},
		"and more":      {append(bytes.Clone(good), "more"...), "", ErrCorrupt},
		"huge":          {zeros(t, maxUnpacked+1), "more than 134217728 bytes when unpacked", ErrCorrupt},
		"other format":  {metadata(formatKey, "pt"), `format is "pt", want "nndl-compact-1"`, ErrCorrupt},
		"info":          {metadata(infoKey, "5"), `metadata "info"`, ErrCorrupt},
		"no first":      {metadata(firstKey, ""), `metadata "first"`, ErrCorrupt},
		"first outside": {metadata(firstKey, `{"a.weight":2}`), "from row 2 on, want [4 2 3 3]", nn.ErrArchitecture},
		"negative":      {metadata(firstKey, `{"a.weight":-1}`), "from row -1 on", nn.ErrArchitecture},
		"not cropped":   {metadata(firstKey, `{}`), `"a.weight" has shape [4 2 2 2]`, nn.ErrArchitecture},
		"cropped bias":  {metadata(firstKey, `{"a.weight":1,"fc.bias":0}`), `"fc.bias" has shape [3]`, nn.ErrArchitecture},
		"missing": {changedFile(t, bfloat16Type, func(ts map[string]safetensors.Tensor, _ map[string]string) { delete(ts, "b.weight") }),
			`no tensor "b.weight"`, nn.ErrArchitecture},
		"extra":      {changedFile(t, bfloat16Type, set(tensor("c", "BF16", []int{1}, 2))), `"c" is not part`, nn.ErrArchitecture},
		"shape":      {changedFile(t, bfloat16Type, set(tensor("fc.weight", "BF16", []int{5, 3}, 30))), `"fc.weight" has shape [5 3]`, nn.ErrArchitecture},
		"no rows":    {changedFile(t, bfloat16Type, set(tensor("a.weight", "BF16", []int{4, 2, 0, 0}, 0))), `"a.weight" has shape [4 2 0 0]`, nn.ErrArchitecture},
		"oblong":     {changedFile(t, bfloat16Type, set(tensor("a.weight", "BF16", []int{4, 2, 2, 1}, 32))), `"a.weight" has shape [4 2 2 1]`, nn.ErrArchitecture},
		"dtype":      {changedFile(t, bfloat16Type, set(tensor("fc.bias", "I64", []int{3}, 24))), "dtype is I64", ErrCorrupt},
		"no scales":  {changedFile(t, bfloat16Type, set(tensor("fc.weight", "I8", []int{3, 5}, 15))), "want a float32 for each output", ErrCorrupt},
		"few scales": {changedFile(t, int8Type, set(tensor("fc.weight.scale", "F32", []int{2}, 8))), "scales F32[2]", ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			store := model.NewStore()
			read := func() error {
				w, err := Open(test.data)
				if err != nil {
					return err
				}
				return w.Load(store, small)
			}
			require.ErrorIs(t, read(), test.is)
			badinput.Refused(t, "compact weights", read, test.want)
			require.Zero(t, store.NumVariables(), "a bad file must change nothing")
		})
	}
}

// zeros returns n zeros, gzipped.
func zeros(t *testing.T, n int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(make([]byte, n))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

// FuzzOpen checks that no input panics, and that what loads has the network's shapes.
func FuzzOpen(f *testing.F) {
	for _, dtype := range DTypes {
		file := written(f, trained(f, small), small, smallLive, dtype)
		f.Add(file)
		unpacked, err := unpack(file)
		require.NoError(f, err)
		f.Add(unpacked)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := Open(data)
		if err != nil {
			return
		}
		store := model.NewStore()
		if err := w.Load(store, small); err != nil {
			require.Zero(t, store.NumVariables())
			return
		}
		for _, p := range small {
			values, err := nn.Values(store, p)
			require.NoError(t, err)
			require.Len(t, values, p.Size())
		}
		_, err = w.Others()
		require.NoError(t, err)
	})
}

// The largest network can be read again.
func TestMaxUnpacked(t *testing.T) {
	require.Less(t, 4*resnet.Config{Depth: 34, Stem: resnet.CIFARStem}.Summary().Params(), maxUnpacked*9/10)
}
