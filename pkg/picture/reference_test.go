package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// farthest is the largest difference to Pillow that is accepted, of 255. Differences come from rounding, and with JPEG and
// lossy WebP from the transform and from how the colours of neighbouring pixels are interpolated.
const farthest = 2

// TestReference compares all formats with Pillow: the pixels after scaling. testdata/make.py has written the files and the
// tiles of reference.png.
func TestReference(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*-*.*")
	require.NoError(t, err)
	gifs, err := filepath.Glob("testdata/gif.gif")
	require.NoError(t, err)
	names = append(names, gifs...)
	slices.Sort(names)
	sheet := referenceSheet(t)
	require.Equal(t, sheet.Bounds().Dx()/Size, len(names)+8, "tiles, with those of the orientations")
	for i, name := range names {
		pixels, _, err := Load(name)
		require.NoError(t, err, name)
		compare(t, sheet, i, pixels, filepath.Base(name))
	}
	plain, err := os.ReadFile("testdata/png-rgb.png")
	require.NoError(t, err)
	for o := range uint32(8) {
		for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
			for _, long := range []bool{false, true} {
				small, err := decode(bytes.NewReader(pngWithExif(plain, exif(order, o+1, long))))
				require.NoError(t, err)
				compare(t, sheet, len(names)+int(o), rgb(small), fmt.Sprintf("orientation %d, %v, 32 bits: %v", o+1, order, long))
			}
		}
	}
}

func referenceSheet(t *testing.T) image.Image {
	f, err := os.Open("testdata/reference.png")
	require.NoError(t, err)
	defer f.Close()
	sheet, err := png.Decode(f)
	require.NoError(t, err)
	return sheet
}

func compare(t *testing.T, sheet image.Image, tile int, pixels []uint8, name string) {
	t.Helper()
	largest := 0
	for i := range Size * Size {
		r, g, b, _ := sheet.At(tile*Size+i%Size, i/Size).RGBA()
		for c, want := range []uint32{r, g, b} {
			difference := int(pixels[3*i+c]) - int(want>>8)
			largest = max(largest, difference, -difference)
		}
	}
	t.Logf("%-60s %d", name, largest)
	if largest > farthest {
		t.Errorf("%s: differs from Pillow by %d of 255, want at most %d", name, largest, farthest)
	}
}

// exif returns EXIF data with nothing but the orientation.
func exif(order binary.AppendByteOrder, orientation uint32, long bool) []byte {
	tiff := []byte("II*\x00")
	if order.(any) == binary.AppendByteOrder(binary.BigEndian) {
		tiff = []byte("MM\x00*")
	}
	tiff = order.AppendUint32(tiff, 8)      // where the directory is
	tiff = order.AppendUint16(tiff, 1)      // entries
	tiff = order.AppendUint16(tiff, 0x0112) // orientation
	if long {
		tiff = order.AppendUint32(order.AppendUint16(tiff, 4), 1) // one number of 32 bits
		tiff = order.AppendUint32(tiff, orientation)
	} else {
		tiff = order.AppendUint32(order.AppendUint16(tiff, 3), 1)
		tiff = append(order.AppendUint16(tiff, uint16(orientation)), 0, 0)
	}
	return append(tiff, 0, 0, 0, 0) // no further directory
}

// jpegWithExif puts EXIF data into a JPEG, after the given number of fill bytes.
func jpegWithExif(plain, tiff []byte, fill int) []byte {
	segment := append(slices.Clone(exifMark), tiff...)
	out := append([]byte{0xFF, 0xD8}, bytes.Repeat([]byte{0xFF}, fill)...)
	out = binary.BigEndian.AppendUint16(append(out, 0xFF, 0xE1), uint16(len(segment)+2))
	return append(append(out, segment...), plain[2:]...)
}

// pngWithExif puts EXIF data into a PNG, after the header.
func pngWithExif(plain, tiff []byte) []byte {
	const header = 8 + 25
	chunk := append([]byte("eXIf"), tiff...)
	out := binary.BigEndian.AppendUint32(slices.Clone(plain[:header]), uint32(len(tiff)))
	out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	return append(out, plain[header:]...)
}

// webpWithExif appends EXIF data to a WebP file.
func webpWithExif(plain, tiff []byte) []byte {
	out := binary.LittleEndian.AppendUint32(append(slices.Clone(plain), "EXIF"...), uint32(len(tiff)))
	out = append(out, tiff...)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}
