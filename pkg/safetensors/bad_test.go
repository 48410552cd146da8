package safetensors

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// file puts a header's length before it and data behind it.
func file(header, data string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
}

// badFiles are damaged or hostile files and what the error says.
var badFiles = map[string]struct {
	data []byte
	want string
}{
	"empty":               {nil, "0 bytes, too few"},
	"short":               {[]byte("short"), "5 bytes, too few"},
	"web page":            {[]byte("<!DOCTYPE html><html>404 not found</html>"), "not a safetensors file"},
	"zip":                 {[]byte("PK\x03\x04\x00\x00\x08\x08 archive/data.pkl"), "not a safetensors file"},
	"huge header":         {binary.LittleEndian.AppendUint64(nil, 1<<63+5), "claims 9223372036854775813 bytes"},
	"header above limit":  {binary.LittleEndian.AppendUint64(nil, MaxHeader+1), "limit 104857600"},
	"header cut":          {file(`{"a":`, "")[:10], "cut short"},
	"header of 0 bytes":   {file("", ""), "claims 0 bytes"},
	"not JSON":            {file("weights!", ""), "not JSON"},
	"JSON list":           {file(`[1, 2]`, ""), "not JSON"},
	"JSON and more":       {file(`{} {}`, ""), "not JSON"},
	"tensor is a number":  {file(`{"a":5}`, ""), `tensor "a"`},
	"tensor is null":      {file(`{"a":null}`, ""), `tensor "a": unknown dtype ""`},
	"unknown dtype":       {file(`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, "1234"), `unknown dtype "F31"`},
	"dtype is a number":   {file(`{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}`, "1234"), `tensor "a"`},
	"negative dimension":  {file(`{"a":{"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]}}`, "1234"), "negative dimension"},
	"fractional shape":    {file(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, "1234"), `tensor "a"`},
	"shape overflows":     {file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, ""), "too large"},
	"shape over 64 bits":  {file(`{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,0]}}`, ""), `tensor "a"`},
	"negative offset":     {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`, "1234"), "offsets are [-4 0]"},
	"offsets turned":      {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, "1234"), "offsets are [4 0]"},
	"offset over 64 bits": {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551620]}}`, "1234"), `tensor "a"`},
	"wrong length":        {file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "1234"), "needs 8 bytes"},
	"no offsets":          {file(`{"a":{"dtype":"F32","shape":[1]}}`, "1234"), "needs 4 bytes"},
	"overlap": {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, "1234"),
		`tensor "b" starts at byte 2, inside`},
	"twice the same bytes": {file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, "1234"), "inside the one before"},
	"gap": {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, "1234"),
		`1 bytes before tensor "b"`},
	"gap at the start":      {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}`, "1234"), `1 bytes before tensor "a"`},
	"trailing bytes":        {file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}`, "1234"), `"a" ends at byte 3 of the data, the file has 4`},
	"bytes without tensors": {file(`{}`, "1234"), "the header ends at byte 0"},
	"data cut":              {file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, "1234"), "cut short"},
	"metadata of numbers":   {file(`{"__metadata__":{"epoch":30}}`, ""), "metadata: want text"},
	"metadata is a list":    {file(`{"__metadata__":["pt"]}`, ""), "metadata: want text"},
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	for name, c := range badFiles {
		t.Run(name, func(t *testing.T) {
			_, err := read(c.data)
			require.ErrorContains(t, err, c.want)
			path := filepath.Join(t.TempDir(), "bad.safetensors")
			require.NoError(t, os.WriteFile(path, c.data, 0o600))
			_, err = Open(path)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// Every cut of a good file is an error.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	data := written(t, samples, map[string]string{"format": "pt"})
	for n := range data {
		_, err := read(data[:n])
		require.Error(t, err, "%d bytes of %d", n, len(data))
	}
}

// FuzzRead: no input panics, makes Read allocate more than a small multiple of its size, or gives tensors
// whose bytes are not in the file; what Read accepts Write writes and Read reads again.
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
