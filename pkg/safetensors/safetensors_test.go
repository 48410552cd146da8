package safetensors

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// samples are tensors of several types and shapes: a matrix, a scalar, an empty one and bytes that leave
// the data at an odd length.
var samples = []Tensor{
	{"layer1.0.conv1.weight", "F32", []int{2, 3}, []byte("abcdefghijklmnopqrstuvwx")},
	{"bn1.num_batches_tracked", "I64", []int{}, []byte("12345678")},
	{"empty", "F32", []int{4, 0, 2}, []byte{}},
	{"mask", "BOOL", []int{3}, []byte{1, 0, 1}},
	{`a "quoted" name, 名字`, "BF16", []int{1}, []byte{0x80, 0x3f}},
}

func written(t testing.TB, tensors []Tensor, metadata map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, tensors, metadata))
	return b.Bytes()
}

func read(data []byte) (*File, error) { return Read(bytes.NewReader(data), int64(len(data))) }

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, metadata := range map[string]map[string]string{
		"no metadata": nil, "metadata": {"format": "pt", "epoch": "30", "note": "第五章"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "weights.safetensors")
			require.NoError(t, os.WriteFile(path, written(t, samples, metadata), 0o600))
			f, err := Open(path)
			require.NoError(t, err)
			require.Equal(t, metadata, f.Metadata)
			require.Len(t, f.Names(), len(samples))
			for _, want := range samples {
				got, err := f.Tensor(want.Name)
				require.NoError(t, err)
				require.Equal(t, want, got)
				entry, ok := f.Entry(want.Name)
				require.True(t, ok)
				require.Equal(t, want.Shape, entry.Shape)
			}
			require.NoError(t, f.Close())
			_, err = f.Tensor("mask")
			require.ErrorContains(t, err, path, "after Close")
		})
	}
}

func TestNoTensors(t *testing.T) {
	t.Parallel()
	f, err := read(written(t, nil, nil))
	require.NoError(t, err)
	require.Empty(t, f.Names())
	require.NoError(t, f.Close(), "a File that Open did not open")
}

// A scalar without a Shape is a scalar; the data starts at a multiple of 8, as the format wants it.
func TestLayout(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "ab", "abc", "abcdefgh"} {
		data := written(t, []Tensor{{Name: name, DType: "F32", Data: make([]byte, 4)}}, nil)
		require.Zero(t, (len(data)-4)%8, name)
		require.Contains(t, string(data), `"shape":[]`)
	}
}

// A file in another tool's order: the header's order is not the data's.
func TestNamesInOrderOfData(t *testing.T) {
	t.Parallel()
	f, err := read(file(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"z":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"c":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "xyz"))
	require.NoError(t, err)
	require.Equal(t, []string{"c", "z", "b"}, f.Names())
	b, err := f.Tensor("b")
	require.NoError(t, err)
	require.Equal(t, "yz", string(b.Data))
	_, err = f.Tensor("d")
	require.EqualError(t, err, `safetensors: no tensor "d" among 3`)
	_, ok := f.Entry("d")
	require.False(t, ok)
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	one := func(name, dtype string, bytes int, shape ...int) Tensor {
		return Tensor{name, dtype, shape, make([]byte, bytes)}
	}
	for name, c := range map[string]struct {
		tensors []Tensor
		want    string
	}{
		"duplicate name":   {[]Tensor{one("w", "F32", 4, 1), one("w", "F32", 4, 1)}, `"w" is reserved or used twice`},
		"reserved name":    {[]Tensor{one(metadataKey, "F32", 4, 1)}, "is reserved"},
		"too few bytes":    {[]Tensor{one("w", "F32", 23, 2, 3)}, "has 23 bytes, want 24"},
		"too many bytes":   {[]Tensor{one("w", "F32", 8)}, "has 8 bytes, want 4"},
		"unknown dtype":    {[]Tensor{one("w", "float32", 4, 1)}, `unknown dtype "float32"`},
		"negative":         {[]Tensor{one("w", "F32", 4, -1)}, "negative dimension"},
		"too large":        {[]Tensor{one("w", "F32", 4, 1<<40, 1<<40)}, "too large"},
		"huge header":      {[]Tensor{one(strings.Repeat("w", MaxHeader), "F32", 4, 1)}, "nobody reads more than"},
		"second is at odd": {[]Tensor{one("v", "F32", 4, 1), one("w", "I8", 1, 2)}, `"w"`},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.ErrorContains(t, Write(&b, c.tensors, nil), c.want)
			require.Zero(t, b.Len(), "nothing is written before the check")
		})
	}
}

// full is a disk with room for some bytes.
type full struct{ room int }

var errFull = errors.New("disk full")

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteReportsFullDisk(t *testing.T) {
	t.Parallel()
	size := len(written(t, samples, nil))
	for _, room := range []int{0, 8, size - 30, size - 1} {
		require.ErrorIs(t, Write(&full{room}, samples, nil), errFull, room)
	}
	require.NoError(t, Write(&full{size}, samples, nil))
}

func TestOpenMissing(t *testing.T) {
	t.Parallel()
	_, err := Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Open(t.TempDir())
	require.Error(t, err, "a folder")
}

// A file that another program cuts while it is open gives errors, no zeros.
func TestReadCutLater(t *testing.T) {
	t.Parallel()
	data := written(t, samples, nil)
	cut := bytes.NewReader(data[:len(data)-30])
	f, err := Read(cut, int64(len(data)))
	require.NoError(t, err, "the header is whole")
	_, err = f.Tensor("mask")
	require.ErrorIs(t, err, io.EOF)
	_, err = Read(bytes.NewReader(data[:20]), int64(len(data)))
	require.ErrorContains(t, err, "header of")
}
