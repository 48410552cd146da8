package picture

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
)

// quarters is red, green over blue, white.
func quarters(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := []color.NRGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}[2*(2*y/h)+2*x/w]
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

func encode(t testing.TB, f func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, f(&b))
	return b.Bytes()
}

func pngBytes(t testing.TB, img image.Image) []byte {
	return encode(t, func(b *bytes.Buffer) error { return png.Encode(b, img) })
}

// withOrientation puts an EXIF segment with one entry behind a JPEG's first two bytes.
func withOrientation(t testing.TB, img image.Image, order binary.AppendByteOrder, o uint16) []byte {
	plain := encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, img, &jpeg.Options{Quality: 100}) })
	tiff := []byte("II*\x00")
	if order.(any) == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)
	tiff = order.AppendUint16(tiff, 1)
	tiff = order.AppendUint16(tiff, 0x0112)
	tiff = order.AppendUint16(tiff, 3)
	tiff = order.AppendUint32(tiff, 1)
	tiff = order.AppendUint16(tiff, o)
	tiff = append(tiff, 0, 0)
	segment := append([]byte("Exif\x00\x00"), tiff...)
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xE1}, binary.BigEndian.AppendUint16(nil, uint16(len(segment)+2))...)
	return append(append(out, segment...), plain[2:]...)
}

// corners names the colours at the four corners, row by row.
func corners(img *image.NRGBA) string {
	name := func(x, y int) string {
		c := img.NRGBAAt(x, y)
		switch hi := func(v uint8) bool { return v > 128 }; {
		case hi(c.R) && hi(c.G) && hi(c.B):
			return "w"
		case hi(c.R):
			return "r"
		case hi(c.G):
			return "g"
		}
		return "b"
	}
	return name(2, 2) + name(29, 2) + name(2, 29) + name(29, 29)
}

func TestFormatsAndSizes(t *testing.T) {
	t.Parallel()
	grey := image.NewGray(image.Rect(0, 0, 50, 40))
	clear := image.NewNRGBA(image.Rect(0, 0, 40, 40)) // all transparent
	tests := []struct {
		name, want string
		data       []byte
	}{
		{"png", "rgbw", pngBytes(t, quarters(64, 64))},
		{"wide png is cropped", "rgbw", pngBytes(t, quarters(300, 100))},
		{"one pixel", "wwww", pngBytes(t, quarters(1, 1).SubImage(image.Rect(0, 0, 1, 1)))},
		{"grey", "bbbb", pngBytes(t, grey)},
		{"transparent is white", "wwww", pngBytes(t, clear)},
		{"gif", "rgbw", encode(t, func(b *bytes.Buffer) error { return gif.Encode(b, quarters(40, 40), nil) })},
		{"jpeg", "rgbw", encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, quarters(64, 64), nil) })},
		{"progressive jpeg", "rgbw", fromBase64(t, progressiveJPEG)},
		{"webp", "rgbw", fromBase64(t, lossyWebP)},
		{"lossless webp", "rgbw", fromBase64(t, losslessWebP)},
		{"webp, lower half transparent", "rgww", fromBase64(t, alphaWebP)},
	}
	tests[2].want = corners(shrink(quarters(1, 1)))
	for _, o := range []struct {
		n    uint16
		want string
	}{{1, "rgbw"}, {2, "grwb"}, {3, "wbgr"}, {4, "bwrg"}, {5, "rbgw"}, {6, "brwg"}, {7, "wgbr"}, {8, "gwrb"}, {9, "rgbw"}} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			tests = append(tests, struct {
				name, want string
				data       []byte
			}{"orientation", o.want, withOrientation(t, quarters(64, 64), order, o.n)})
		}
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "picture")
		require.NoError(t, os.WriteFile(path, test.data, 0o600))
		pixels, small, err := Load(path)
		require.NoError(t, err, test.name)
		require.Len(t, pixels, Size*Size*3, test.name)
		require.Equal(t, test.want, corners(small), test.name)
	}
}

// refused wants an error for a file of the given content.
func refused(t *testing.T, data []byte, want string) (allocated uint64) {
	path := filepath.Join(t.TempDir(), "picture")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return badinput.Refused(t, "picture", func() error {
		_, _, err := Load(path)
		return err
	}, path, want)
}

func TestBadFiles(t *testing.T) {
	whole := pngBytes(t, quarters(64, 64))
	bomb := bytes.Clone(whole) // claims 60,000×60,000 pixels
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	jpg := encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, quarters(64, 64), nil) })
	for _, test := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "the file is empty", nil},
		{"text", "not an image", []byte("<html>not found</html>")},
		{"cut png", "damaged png", whole[:len(whole)/2]},
		{"png header only", "not an image", whole[:12]},
		{"cut jpeg", "damaged jpeg", jpg[:len(jpg)-20]},
		{"wrong checksum", "not an image", bomb},
		{"flipped data", "damaged png", func() []byte { b := bytes.Clone(whole); b[len(b)-20] ^= 0xFF; return b }()},
		{"pdf", "not an image", []byte("%PDF-1.7\n")},
		{"only a magic number", "not an image", []byte("GIF89a")},
		{"webp magic", "not an image", []byte("RIFF\x00\x00\x00\x00WEBP")},
		{"animated webp", "of a kind that is not read", fromBase64(t, animatedWebP)},
		{"cut webp", "damaged webp", fromBase64(t, lossyWebP)[:100]},
	} {
		t.Run(test.name, func(t *testing.T) { refused(t, test.data, test.want) })
	}
	_, _, err := Load(t.TempDir())
	require.ErrorContains(t, err, "not a file")
	_, _, err = Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = decode(bytes.NewReader(gifHeader(65535, 65535)))
	require.ErrorContains(t, err, "65535×65535 pixels")
}

// gifHeader is the start of a GIF file that claims a size.
func gifHeader(w, h uint16) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("GIF89a"), w)
	return append(binary.LittleEndian.AppendUint16(b, h), 0, 0, 0)
}
