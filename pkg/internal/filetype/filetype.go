// Package filetype names the format of a file by its first bytes, for errors that say what was found instead of what was
// wanted. It knows what people save under a wrong name: web pages, pointers of Git LFS, other archives, pictures and weights.
package filetype

import (
	"bytes"
	"strings"
)

// Start is the number of bytes that Name looks at.
const Start = 512

// A Format is what Name recognises.
type Format string

// The formats that callers treat specially.
const (
	Unknown Format = ""
	HTML    Format = "a web page (HTML), perhaps an error page or a log-in page saved under this name"
	LFS     Format = "a pointer of Git LFS, not the file itself: run git lfs pull, or download the file"
	Gzip    Format = "a gzip file"
	Tar     Format = "a tar archive that is not gzipped"
	Zip     Format = "a zip file"
	Torch   Format = "a PyTorch checkpoint (.pt, .pth, .bin)"
	Pickle  Format = "a Python pickle (.pkl, .pt, .pdparams)"
	HDF5    Format = "an HDF5 file (.h5, .keras, .mat)"
	ONNX    Format = "an ONNX model"
	NumPy   Format = "NumPy arrays (.npy, .npz)"
	Matlab  Format = "a MATLAB file"

	Safetensors Format = "a safetensors file"

	PNG       Format = "a PNG picture"
	JPEG      Format = "a JPEG picture"
	GIF       Format = "a GIF picture"
	WebP      Format = "a WebP picture"
	HEIC      Format = "a HEIC picture"
	AVIF      Format = "an AVIF picture"
	TIFF      Format = "a TIFF picture"
	BMP       Format = "a BMP picture"
	JPEGXL    Format = "a JPEG XL picture"
	JPEG2000  Format = "a JPEG 2000 picture"
	Photoshop Format = "a Photoshop picture"
)

// signatures are bytes at a fixed place of a file.
var signatures = []struct {
	at    int
	bytes string
	Format
}{
	{0, "version https://git-lfs", LFS},
	{0, "\x1f\x8b", Gzip},
	{0, "BZh", "a bzip2 file"},
	{0, "\xfd7zXZ\x00", "an xz file"},
	{0, "\x28\xb5\x2f\xfd", "a zstd file"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7-Zip file"},
	{0, "Rar!", "a RAR file"},
	{257, "ustar", Tar},
	{0, "\x89HDF\r\n\x1a\n", HDF5},
	{0, "MATLAB ", Matlab},
	{0, "\x93NUMPY", NumPy},
	{0, "%PDF", "a PDF document"},
	{0, "\x89PNG\r\n", PNG},
	{0, "\xff\xd8\xff", JPEG},
	{0, "GIF8", GIF},
	{8, "WEBP", WebP},
	{0, "II*\x00", TIFF},
	{0, "MM\x00*", TIFF},
	{0, "8BPS", Photoshop},
	{0, "\xff\x0a", JPEGXL},
	{4, "JXL \r\n", JPEGXL},
	{4, "jP  \r\n", JPEG2000},
	{4, "ftypavi", AVIF},
	{4, "ftyphei", HEIC},
	{4, "ftyphev", HEIC},
	{4, "ftypmif1", HEIC},
	{4, "ftypmsf1", HEIC},
	{4, "ftyp", "a video"},
	{8, `{"`, Safetensors},
	{0, "BM", BMP}, // two letters: the last to be tried
}

// Name returns the format of a file that begins with start, or Unknown.
func Name(start []byte) Format {
	for _, s := range signatures {
		if len(start) >= s.at && bytes.HasPrefix(start[s.at:], []byte(s.bytes)) {
			if s.Format == HEIC && bytes.Contains(start[:min(len(start), 40)], []byte("avif")) {
				return AVIF // the first brand is a general one
			}
			return s.Format
		}
	}
	switch text := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(string(start), "\ufeff"))); {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return zipped(start)
	case len(start) >= 3 && start[0] == 0x80 && start[1] >= 2 && start[1] <= 5:
		return Pickle
	case len(start) >= 4 && start[0] == 8 && start[1] > 0 && start[1] < 32 && start[2] == 0x12: // ir_version, producer_name
		return ONNX
	case strings.HasPrefix(text, "<svg"), strings.HasPrefix(text, "<?xml"):
		return "an SVG picture or another XML file"
	case strings.HasPrefix(text, "<"):
		return HTML
	}
	return Unknown
}

// zipped tells apart by the name of the first member what is packed as a zip file.
func zipped(start []byte) Format {
	switch {
	case bytes.Contains(start, []byte("/data.pkl")), bytes.Contains(start, []byte("/byteorder")), bytes.Contains(start, []byte("/.format_version")):
		return Torch
	case bytes.Contains(start, []byte(".npy")):
		return NumPy
	case bytes.Contains(start, []byte("metadata.json")), bytes.Contains(start, []byte("config.json")):
		return "a Keras model (.keras)"
	}
	return Zip
}
