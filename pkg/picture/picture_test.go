package picture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
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
	"nndl.example/resnet18/pkg/internal/regularfile"
)

// quarters returns an image with the quarters red, green, blue and white, row by row.
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

// withOrientation returns a JPEG with an EXIF segment that contains only the orientation.
func withOrientation(t testing.TB, img image.Image, order binary.AppendByteOrder, o uint32) []byte {
	plain := encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, img, &jpeg.Options{Quality: 100}) })
	return jpegWithExif(plain, exif(order, o, false), 0)
}

// corners returns the initials of the colours at the four corners, row by row.
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
		{"one pixel", "rrrr", pngBytes(t, quarters(1, 1).SubImage(image.Rect(0, 0, 1, 1)))},
		{"grey", "bbbb", pngBytes(t, grey)},
		{"transparent is white", "wwww", pngBytes(t, clear)},
		{"gif", "rgbw", encode(t, func(b *bytes.Buffer) error { return gif.Encode(b, quarters(40, 40), nil) })},
		{"jpeg", "rgbw", encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, quarters(64, 64), nil) })},
		{"progressive jpeg", "rgbw", fromBase64(t, progressiveJPEG)},
		{"webp", "rgbw", fromBase64(t, lossyWebP)},
		{"lossless webp", "rgbw", fromBase64(t, losslessWebP)},
		{"webp, lower half transparent", "rgww", fromBase64(t, alphaWebP)},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "picture")
		require.NoError(t, os.WriteFile(path, test.data, 0o600))
		pixels, small, err := Load(path)
		require.NoError(t, err, test.name)
		require.Len(t, pixels, Size*Size*3, test.name)
		require.Equal(t, test.want, corners(small), test.name)
		content, _, err := Decode(test.data)
		require.NoError(t, err, test.name)
		require.Equal(t, pixels, content, test.name)
	}
}

// TestOrientation covers every place of the EXIF data, both byte orders and both sizes of the number.
func TestOrientation(t *testing.T) {
	t.Parallel()
	jpg := encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, quarters(32, 32), &jpeg.Options{Quality: 100}) })
	plain := pngBytes(t, quarters(32, 32))
	places := map[string]func(tiff []byte) []byte{
		"jpeg":                  func(tiff []byte) []byte { return jpegWithExif(jpg, tiff, 0) },
		"jpeg after fill bytes": func(tiff []byte) []byte { return jpegWithExif(jpg, tiff, 3) },
		"jpeg, twice": func(tiff []byte) []byte {
			return jpegWithExif(jpegWithExif(jpg, exif(binary.BigEndian, 3, false), 0), tiff, 0)
		},
		"png":           func(tiff []byte) []byte { return pngWithExif(plain, tiff) },
		"webp":          func(tiff []byte) []byte { return webpWithExif(fromBase64(t, lossyWebP), tiff) },
		"lossless webp": func(tiff []byte) []byte { return webpWithExif(fromBase64(t, losslessWebP), tiff) },
		"webp, with a JPEG's mark": func(tiff []byte) []byte {
			return webpWithExif(fromBase64(t, losslessWebP), append(bytes.Clone(exifMark), tiff...))
		},
	}
	for o, want := range []string{0: "rgbw", 1: "rgbw", 2: "grwb", 3: "wbgr", 4: "bwrg", 5: "rbgw", 6: "brwg", 7: "wgbr", 8: "gwrb", 9: "rgbw"} {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			for _, long := range []bool{false, true} {
				for place, file := range places {
					small, err := decode(bytes.NewReader(file(exif(order, uint32(o), long))))
					require.NoError(t, err, place)
					require.Equal(t, want, corners(small), "%s, orientation %d, %v, 32 bits: %v", place, o, order, long)
				}
			}
		}
	}
}

// refused checks the error for a file of the given content.
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
	bomb := bytes.Clone(whole) // its header states 60,000×60,000 pixels
	binary.BigEndian.PutUint32(bomb[16:], 60000)
	binary.BigEndian.PutUint32(bomb[20:], 60000)
	jpg := encode(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, quarters(64, 64), nil) })
	for _, test := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "the file is empty", nil},
		{"text", "a web page (HTML), perhaps an error page", []byte("<html>not found</html>")},
		{"truncated png", "corrupt or unsupported image (png)", whole[:len(whole)/2]},
		{"png header only", "corrupt or unsupported image, want PNG", whole[:12]},
		{"truncated jpeg", "corrupt or unsupported image (jpeg)", jpg[:len(jpg)-20]},
		{"wrong checksum", "corrupt or unsupported image, want PNG", bomb},
		{"flipped data", "corrupt or unsupported image (png)", func() []byte { b := bytes.Clone(whole); b[len(b)-20] ^= 0xFF; return b }()},
		{"pdf", "corrupt or unsupported image: a PDF document, want PNG", []byte("%PDF-1.7\n")},
		{"only a magic number", "corrupt or unsupported image, want PNG", []byte("GIF89a")},
		{"webp magic", "corrupt or unsupported image, want PNG", []byte("RIFF\x00\x00\x00\x00WEBP")},
		{"animated webp, cut", "corrupt or unsupported image (webp)", fromBase64(t, animatedWebP)[:120]},
		{"heic", "a HEIC picture, want PNG, JPEG, GIF or WebP: save it as JPEG", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")},
		{"avif", "an AVIF picture, want PNG, JPEG, GIF or WebP: save it as JPEG", []byte("\x00\x00\x00\x20ftypavif\x00\x00\x00\x00avifmif1")},
		{"git lfs", "a pointer of Git LFS", []byte("version https://git-lfs.github.com/spec/v1\n")},
		{"webp, transparency of another size", "corrupt or unsupported image (webp)", uncompressedAlpha(31)},
		{"truncated webp", "corrupt or unsupported image (webp)", fromBase64(t, lossyWebP)[:100]},
	} {
		t.Run(test.name, func(t *testing.T) {
			refused(t, test.data, test.want)
			_, err := decode(bytes.NewReader(test.data))
			require.ErrorIs(t, err, ErrFormat)
		})
	}
	_, _, err := Load(t.TempDir())
	require.ErrorIs(t, err, regularfile.ErrNotRegular)
	_, _, err = Load(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// uncompressedAlpha returns a lossy WebP file of 64×64 pixels whose transparency has size×size.
func uncompressedAlpha(size byte) []byte {
	colours, _ := base64.StdEncoding.DecodeString(lossyWebP)
	alpha := append([]byte{0}, bytes.Repeat([]byte{255}, int(size)*int(size))...)
	alpha = append(alpha, make([]byte, len(alpha)%2)...)
	file := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00"), size-1, 0, 0, size-1, 0, 0)
	file = binary.LittleEndian.AppendUint32(append(file, "ALPH"...), uint32(len(alpha)))
	file = append(append(file, alpha...), colours[12:]...)
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)-8))
	return file
}

// gifHeader returns the start of a GIF file with a screen of the given size.
func gifHeader(w, h uint16) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("GIF89a"), w)
	return append(binary.LittleEndian.AppendUint16(b, h), 0, 0, 0)
}

// gifWithFrame returns a GIF file with a screen of 4×4 pixels and a black frame of at most one pixel.
func gifWithFrame(w, h uint16) []byte {
	b := gifHeader(4, 4)
	b[10] = 0x80                             // a global colour table of two colours
	b = append(b, 0, 0, 0, 0xFF, 0xFF, 0xFF) // black, white
	b = append(b, 0x2C, 0, 0, 0, 0)          // the frame, at 0, 0
	b = binary.LittleEndian.AppendUint16(b, w)
	b = binary.LittleEndian.AppendUint16(b, h)
	b = append(b, 0) // no colour table of its own, not interlaced
	if w*h == 0 {
		return append(b, 2, 1, 0x2C, 0, 0x3B) // LZW codes of 3 bits: clear, end; then the end of the file
	}
	return append(b, 2, 2, 0x44, 0x01, 0, 0x3B) // clear, 0, end
}

func TestBadFrames(t *testing.T) {
	small, err := decode(bytes.NewReader(gifWithFrame(1, 1)))
	require.NoError(t, err)
	require.Equal(t, "bwww", corners(small), "the rest of the canvas is white")
	for _, size := range [][2]uint16{{0, 4}, {4, 0}, {0, 0}} {
		t.Run(fmt.Sprintf("%d×%d", size[0], size[1]), func(t *testing.T) {
			data := gifWithFrame(size[0], size[1])
			refused(t, data, "(gif): no pixels")
			_, err := decode(bytes.NewReader(data))
			require.ErrorIs(t, err, ErrFormat)
		})
	}
	refused(t, gifHeader(0, 4), "no pixels (0×4)")
}
