package filetype

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		start string
		want  Format
	}{
		{"", Unknown},
		{"hello", Unknown},
		{"\x1f\x8b\x08\x00", Gzip},
		{"BZh91AY&SY", "a bzip2 file"},
		{"\xfd7zXZ\x00\x00", "an xz file"},
		{"PK\x03\x04" + strings.Repeat("\x00", 26) + "photo.jpg", Zip},
		{"PK\x03\x04" + strings.Repeat("\x00", 26) + "resnet18/data.pkl", Torch},
		{"PK\x03\x04" + strings.Repeat("\x00", 26) + "conv1.weight.npy", NumPy},
		{"PK\x03\x04" + strings.Repeat("\x00", 26) + "metadata.json", "a Keras model (.keras)"},
		{"\x80\x02}q\x00", Pickle},
		{"\x80\x05\x95", Pickle},
		{"\x89HDF\r\n\x1a\n\x00", HDF5},
		{"\x08\x08\x12\x07pytorch", ONNX},
		{"MATLAB 5.0 MAT-file, Platform", Matlab},
		{"version https://git-lfs.github.com/spec/v1\noid sha256:", LFS},
		{"\n<!DOCTYPE html><html>", HTML},
		{"\ufeff<HTML>", HTML},
		{`<svg xmlns="http://www.w3.org/2000/svg">`, "an SVG picture or another XML file"},
		{"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", HEIC},
		{"\x00\x00\x00\x20ftypmif1\x00\x00\x00\x00mif1heic", HEIC},
		{"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1", AVIF},
		{"\x00\x00\x00\x20ftypmif1\x00\x00\x00\x00mif1avif", AVIF},
		{"\x00\x00\x00\x20ftypmp42\x00\x00\x00\x00", "a video"},
		{strings.Repeat("x", 257) + "ustar", Tar},
		{"\x40\x00\x00\x00\x00\x00\x00\x00{\"conv1.weight\":", "a safetensors file"},
		{"II*\x00", "a TIFF picture"},
		{"BM\x36\x00", "a BMP picture"},
	} {
		require.Equal(t, test.want, Name([]byte(test.start)), "%.40q", test.start)
	}
}
