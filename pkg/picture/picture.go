// Package picture reads a photograph from a file the way the network has seen the world: 32×32 pixels, three
// colours, a square.
package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // formats that Load knows
	_ "image/jpeg" //
	_ "image/png"  //
	"os"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

const (
	// Size is the height and width of the result in pixels.
	Size = 32
	// maxPixels is the largest image that is decoded: 50 megapixels, 200 MB in memory.
	maxPixels = 50_000_000
	// maxBytes is the largest file that is read.
	maxBytes = 100 << 20
)

// Load reads a PNG, JPEG, GIF (its first frame) or WebP file of any size. The picture is turned upright by
// its EXIF orientation, laid on white where it is transparent, cropped to the square in its middle and
// shrunk to 32×32. It returns the bytes [32, 32, 3] and the same as an image to look at.
func Load(path string) (pixels []uint8, small *image.NRGBA, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxBytes {
		return nil, nil, fmt.Errorf("picture: %s is not a file of at most %d MB", path, maxBytes>>20)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	small, err = decode(data)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %s: %w", path, err)
	}
	return rgb(small), small, nil
}

func decode(data []byte) (*image.NRGBA, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("the file is empty: want a PNG, JPEG, GIF or WebP image")
	}
	header, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("not an image that can be read (want PNG, JPEG, GIF or WebP): %w", err)
	}
	if w, h := int64(header.Width), int64(header.Height); w < 1 || h < 1 || w*h > maxPixels {
		return nil, fmt.Errorf("the image has %d×%d pixels, want at least one and at most %d million: shrink it first", w, h, maxPixels/1_000_000)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("a damaged %s image: %w", format, err)
	}
	turn := 1
	if format == "jpeg" {
		turn = orientation(data)
	}
	return upright(shrink(img), turn), nil
}

// shrink crops to the middle square and scales it. Transparent pixels become white.
func shrink(img image.Image) *image.NRGBA {
	b := img.Bounds()
	side := min(b.Dx(), b.Dy())
	corner := b.Min.Add(image.Pt((b.Dx()-side)/2, (b.Dy()-side)/2))
	square := image.Rectangle{corner, corner.Add(image.Pt(side, side))}
	small := image.NewNRGBA(image.Rect(0, 0, Size, Size))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(small, small.Bounds(), img, square, draw.Over, nil)
	return small
}

// upright undoes an EXIF orientation, 1 to 8: it says how the stored rows and columns lie in the scene.
func upright(img *image.NRGBA, orientation int) *image.NRGBA {
	if orientation <= 1 || orientation > 8 {
		return img
	}
	out := image.NewNRGBA(img.Bounds())
	last := Size - 1
	for y := range Size {
		for x := range Size {
			from := [...]image.Point{
				2: {last - x, y}, 3: {last - x, last - y}, 4: {x, last - y},
				5: {y, x}, 6: {y, last - x}, 7: {last - y, last - x}, 8: {last - y, x},
			}[orientation]
			out.SetNRGBA(x, y, img.NRGBAAt(from.X, from.Y))
		}
	}
	return out
}

func rgb(img *image.NRGBA) []uint8 {
	pixels := make([]uint8, 0, Size*Size*3)
	for y := range Size {
		for x := range Size {
			c := img.NRGBAAt(x, y)
			pixels = append(pixels, c.R, c.G, c.B)
		}
	}
	return pixels
}
