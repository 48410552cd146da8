package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/regularfile"
)

// samples are tensors of several types and shapes: a matrix, a scalar, an empty tensor and one of odd length.
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
	require.NoError(t, f.Close(), "Close after Read")
}

// A nil Shape is written as a scalar's. The data starts at a multiple of 8, as the format requires.
func TestLayout(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "ab", "abc", "abcdefgh"} {
		data := written(t, []Tensor{{Name: name, DType: "F32", Data: make([]byte, 4)}}, nil)
		require.Zero(t, (len(data)-4)%8, name)
		require.Contains(t, string(data), `"shape":[]`)
	}
}

// In files of other tools the order of the header may differ from the order of the data.
func TestNamesInOrderOfData(t *testing.T) {
	t.Parallel()
	f, err := read(file(`{"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},"z":{"dtype":"U8","shape":[0],"data_offsets":[1,1]},"c":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "xyz"))
	require.NoError(t, err)
	require.Equal(t, []string{"c", "z", "b"}, f.Names())
	b, err := f.Tensor("b")
	require.NoError(t, err)
	require.Equal(t, "yz", string(b.Data))
	_, err = f.Tensor("d")
	require.EqualError(t, err, `safetensors: no tensor "d" among the 3 of the file`)
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
		"duplicate name":   {[]Tensor{one("w", "F32", 4, 1), one("w", "F32", 4, 1)}, `duplicate or reserved tensor name "w"`},
		"reserved name":    {[]Tensor{one(metadataKey, "F32", 4, 1)}, "duplicate or reserved tensor name"},
		"too few bytes":    {[]Tensor{one("w", "F32", 23, 2, 3)}, "has 23 bytes, want 24"},
		"too many bytes":   {[]Tensor{one("w", "F32", 8)}, "has 8 bytes, want 4"},
		"unknown dtype":    {[]Tensor{one("w", "float32", 4, 1)}, `unknown dtype "float32"`},
		"negative":         {[]Tensor{one("w", "F32", 4, -1)}, "negative dimension"},
		"too large":        {[]Tensor{one("w", "F32", 4, 1<<40, 1<<40)}, "too large"},
		"huge header":      {[]Tensor{one(strings.Repeat("w", maxHeader), "F32", 4, 1)}, "header too large: 335"},
		"second is at odd": {[]Tensor{one("v", "F32", 4, 1), one("w", "I8", 1, 2)}, `"w"`},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.ErrorContains(t, Write(&b, c.tensors, nil), c.want)
			require.Zero(t, b.Len(), "nothing may be written before the check")
		})
	}
}

// full is a writer with room for some bytes.
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
	require.ErrorIs(t, err, regularfile.ErrNotRegular)
}

// A file that is truncated while it is open gives errors, not zeros.
func TestTruncatedWhileOpen(t *testing.T) {
	t.Parallel()
	data := written(t, samples, nil)
	truncated := bytes.NewReader(data[:len(data)-30])
	f, err := Read(truncated, int64(len(data)))
	require.NoError(t, err, "the header is complete")
	_, err = f.Tensor("mask")
	require.ErrorIs(t, err, io.EOF)
	_, err = Read(bytes.NewReader(data[:20]), int64(len(data)))
	require.ErrorContains(t, err, "header of")
}

func TestHeaderTooLarge(t *testing.T) {
	t.Parallel()
	metadata := map[string]string{"history": strings.Repeat("x", maxHeader)}
	err := Write(io.Discard, samples, metadata)
	require.ErrorIs(t, err, ErrHeaderTooLarge)
	require.ErrorContains(t, err, "store large metadata as a tensor")
	start := binary.LittleEndian.AppendUint64(nil, maxHeader+1)
	_, err = Read(bytes.NewReader(start), 1<<40)
	require.ErrorIs(t, err, ErrHeaderTooLarge)
	require.NotErrorIs(t, err, ErrCorrupt, "the format allows longer headers")
}
