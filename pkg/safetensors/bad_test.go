package safetensors

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
)

// file returns a file with the given header and data.
func file(header, data string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
}

// badFiles are corrupt or malicious files, each with a part of the error.
var badFiles = map[string]struct {
	data []byte
	want string
}{
	"empty":               {nil, "0 bytes, want at least 8"},
	"short":               {[]byte("short"), "5 bytes, want at least 8"},
	"web page":            {[]byte("<!DOCTYPE html><html>404 not found</html>"), "not a safetensors file"},
	"zip":                 {[]byte("PK\x03\x04\x00\x00\x08\x08 archive/data.pkl"), "not a safetensors file"},
	"huge header":         {binary.LittleEndian.AppendUint64(nil, 1<<63+5), "claims 9223372036854775813 bytes"},
	"header above limit":  {binary.LittleEndian.AppendUint64(nil, maxHeader+1), "claims 33554433 bytes in a file of 8"},
	"header cut":          {file(`{"a":`, "")[:10], "truncated"},
	"header of 0 bytes":   {file("", ""), "claims 0 bytes"},
	"not JSON":            {file("weights!", ""), "invalid JSON: invalid character 'w'"},
	"JSON list":           {file(`[1, 2]`, ""), "want an object, got ["},
	"null header":         {file(`null`, ""), "want an object, got <nil>"},
	"JSON cut":            {file(`{"a":{"dtype":"U8",`, ""), "invalid JSON: unexpected end"},
	"JSON and more":       {file(`{} {}`, ""), "trailing data after the JSON object"},
	"tensor is a number":  {file(`{"a":5}`, ""), `tensor "a": want an object, got 5`},
	"tensor is null":      {file(`{"a":null}`, ""), `tensor "a": want an object, got <nil>`},
	"unknown dtype":       {file(`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, "1234"), `unknown dtype "F31"`},
	"dtype is a number":   {file(`{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}`, "1234"), `tensor "a": dtype: want a string, got 32`},
	"no dtype":            {file(`{"a":{"shape":[4],"data_offsets":[0,4]}}`, "1234"), `tensor "a": missing dtype`},
	"DTYPE":               {file(`{"a":{"DTYPE":"U8","shape":[4],"data_offsets":[0,4]}}`, "1234"), `tensor "a": missing dtype`},
	"65 dimensions":       {file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 64)+`1],"data_offsets":[0,1]}}`, "1"), `tensor "a": shape: more than 64 numbers`},
	"no shape":            {file(`{"a":{"dtype":"F32","data_offsets":[0,4]}}`, "1234"), `tensor "a": missing shape`},
	"shape is null":       {file(`{"a":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, "1234"), `tensor "a": shape: want a list, got <nil>`},
	"dimension is null":   {file(`{"a":{"dtype":"F32","shape":[null],"data_offsets":[0,0]}}`, ""), `tensor "a": shape: want a number, got <nil>`},
	"dimension is text":   {file(`{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, "1234"), `tensor "a": shape: want a number, got 1`},
	"negative dimension":  {file(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, "1234"), `tensor "a": shape [-1 -1] has a negative dimension`},
	"fractional shape":    {file(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, "1234"), `tensor "a": shape: want a 64-bit integer, got 1.5`},
	"shape overflows":     {file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "too large"},
	"shape over 64 bits":  {file(`{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}`, ""), "want a 64-bit integer, got 99999999999999999999"},
	"negative offset":     {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, "1234"), "data_offsets is [-4 0]"},
	"offsets turned":      {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, "1234"), "data_offsets is [4 0]"},
	"offset over 64 bits": {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551620]}}`, "1234"), `tensor "a": data_offsets: want a 64-bit integer, got 18446744073709551620`},
	"wrong length":        {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234"), "needs 8 bytes"},
	"no offsets":          {file(`{"a":{"dtype":"F32","shape":[1]}}`, "1234"), `tensor "a": data_offsets: got 0 numbers, want 2`},
	"one offset":          {file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0]}}`, ""), `tensor "a": data_offsets: got 1 numbers, want 2`},
	"three offsets":       {file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,8]}}`, "1234"), `tensor "a": data_offsets: got 3 numbers, want 2`},
	"tensor twice": {file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, "1234"),
		`duplicate key "a"`},
	"shape twice": {file(`{"a":{"dtype":"U8","shape":[2],"shape":[4],"data_offsets":[0,4]}}`, "1234"), `tensor "a": duplicate key "shape"`},
	"overlap": {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, "1234"),
		`tensor "b" starts at byte 2, inside`},
	"twice the same bytes": {file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, "1234"), "inside the previous one"},
	"gap": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, "1234"),
		`1 bytes before tensor "b"`},
	"gap at the start":      {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}`, "1234"), `1 bytes before tensor "a"`},
	"trailing bytes":        {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`, "1234"), `"a" ends at byte 3 of the data, but the file has 4`},
	"bytes without tensors": {file(`{}`, "1234"), "the header ends at byte 0"},
	"data cut":              {file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, "1234"), "truncated"},
	"metadata of numbers":   {file(`{"__metadata__":{"epoch":30}}`, ""), "metadata: want a string, got 30"},
	"metadata twice":        {file(`{"__metadata__":{},"__metadata__":{}}`, ""), `duplicate key "__metadata__"`},
	"metadata key twice":    {file(`{"__metadata__":{"a":"1","a":"2"}}`, ""), `metadata: duplicate key "a"`},
	"metadata is null":      {file(`{"__metadata__":null}`, ""), "metadata: want an object, got <nil>"},
	"metadata is a list":    {file(`{"__metadata__":["pt"]}`, ""), "metadata: want an object, got ["},
}

func TestBadFiles(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(badFiles)) {
		c := badFiles[name]
		t.Run(name, func(t *testing.T) {
			_, err := read(c.data)
			require.ErrorContains(t, err, c.want)
			require.ErrorIs(t, err, ErrCorrupt)
			path := filepath.Join(t.TempDir(), "bad.safetensors")
			require.NoError(t, os.WriteFile(path, c.data, 0o600))
			badinput.Refused(t, "weights", func() error {
				_, err := Open(path)
				return err
			}, path, c.want)
		})
	}
}

// Weights in other formats are named, with the line that converts them, and so is what is not weights at all.
func TestBadFormats(t *testing.T) {
	for _, test := range []struct {
		name, data string
		want       []string
	}{
		{"resnet18.pth", "PK\x03\x04" + strings.Repeat("\x00", 26) + "resnet18/data.pkl", []string{"it is a PyTorch checkpoint", "torch.load(", "weights_only=True"}},
		{"it's; rm.pth", "PK\x03\x04" + strings.Repeat("\x00", 26) + "resnet18/data.pkl", []string{`it'"'"'s; rm.pth'`}}, // quoted for a shell
		{"old.pt", "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", []string{"it is a Python pickle", "torch.load("}},
		{"resnet18.pdparams", "\x80\x04\x95\x00\x00\x00\x00\x00", []string{"it is a Python pickle", "paddle.load("}},
		{"model.onnx", "\x08\x07\x12\x07pytorch", []string{"it is an ONNX model", "onnx.load("}},
		{"other.onnx", "\x08\x03:\x80\x80", []string{"it is an ONNX model"}},
		{"model.h5", "\x89HDF\r\n\x1a\n\x00", []string{"it is an HDF5 file", "h5py.File("}},
		{"weights.npz", "PK\x03\x04" + strings.Repeat("\x00", 26) + "conv1.weight.npy", []string{"it is NumPy arrays", "numpy.load("}},
		{"model.keras", "PK\x03\x04" + strings.Repeat("\x00", 26) + "metadata.json", []string{"it is a Keras model"}},
		{"lfs.safetensors", "version https://git-lfs.github.com/spec/v1\n", []string{"it is a pointer of Git LFS", "git lfs pull"}},
		{"page.safetensors", "<!DOCTYPE html><html>", []string{"it is a web page (HTML)"}},
		{"gzipped.safetensors", "\x1f\x8b\x08\x00\x00\x00\x00\x00", []string{"it is a gzip file"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.name)
			require.NoError(t, os.WriteFile(path, []byte(test.data), 0o600))
			badinput.Refused(t, "weights", func() error {
				_, err := Open(path)
				require.ErrorIs(t, err, ErrCorrupt)
				return err
			}, append(test.want, path)...)
		})
	}
	cut := filepath.Join(t.TempDir(), "cut.safetensors")
	data := written(t, samples, nil)
	require.NoError(t, os.WriteFile(cut, data[:len(data)-1], 0o600))
	_, err := Open(cut)
	require.ErrorContains(t, err, "truncated")
	require.NotContains(t, err.Error(), "it is")
}

// Headers of the maximum length must stay below the memory limit of bad inputs.
func TestLongHeaders(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	entries := func(n int) string { // as short as possible
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},`, i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"many tensors":  `{` + entries(maxHeader/64) + `"end":0}`,
		"long metadata": `{"__metadata__":{"a":"` + strings.Repeat("x", maxHeader-100) + `"},"end":0}`,
		"long shape":    `{"a":{"dtype":"U8","shape":[` + strings.Repeat("1,", maxHeader/2-100) + `1],"data_offsets":[0,0]}}`,
		"long name":     `{"` + strings.Repeat("x", maxHeader-100) + `":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			data := file(text, "")
			badinput.Refused(t, "weights", func() error {
				_, err := read(data)
				if err != nil && len(err.Error()) > 1000 {
					return fmt.Errorf("the error has %d bytes", len(err.Error()))
				}
				return err
			}, "tensor")
		})
	}
}

// Every truncation of a valid file is an error.
func TestTruncatedFiles(t *testing.T) {
	t.Parallel()
	data := written(t, samples, map[string]string{"format": "pt"})
	for n := range data {
		_, err := read(data[:n])
		require.ErrorIs(t, err, ErrCorrupt, "%d of %d bytes", n, len(data))
	}
}

// FuzzRead checks that no input panics, allocates more than a multiple of its size or yields more data than the file has,
// and that Write and Read reproduce whatever Read accepts.
func FuzzRead(f *testing.F) {
	for _, c := range badFiles {
		f.Add(c.data)
	}
	f.Add(written(f, samples, map[string]string{"format": "pt"}))
	f.Add(written(f, nil, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := read(data)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20+200*uint64(len(data)) {
			t.Fatalf("%d bytes allocated for a file of %d", grown, len(data))
		}
		if err != nil {
			return
		}
		var total int
		var tensors []Tensor
		for _, name := range s.Names() {
			tensor, err := s.Tensor(name)
			require.NoError(t, err)
			total += len(tensor.Data)
			tensors = append(tensors, tensor)
		}
		require.LessOrEqual(t, total, len(data))
		again, err := read(written(t, tensors, s.Metadata))
		require.NoError(t, err)
		require.ElementsMatch(t, s.Names(), again.Names(), strings.ToValidUTF8(string(data), "?"))
	})
}
