// Package picture reads a photograph from a file the way the network has seen the world: 32×32 pixels, three
// colours, a square.
package picture

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"  // formats that Load knows
	_ "image/jpeg" //
	_ "image/png"  //
	"io"
	"os"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

const (
	// Size is the height and width of the result in pixels.
	Size = 32
	// maxPixels is the largest image that is decoded.
	maxPixels = 50_000_000
	// maxMemory is the most that decoding may take, in bytes.
	maxMemory = 400 << 20
)

// Load reads a PNG, JPEG, GIF (its first frame) or WebP file of any size. The picture is turned upright by
// its EXIF orientation (JPEG), laid on white where it is transparent, cropped to the square in its middle
// and scaled to 32×32. It returns the bytes [32, 32, 3] and the same as an image to look at.
func Load(path string) (pixels []uint8, small *image.NRGBA, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("picture: %s is not a file: want a PNG, JPEG, GIF or WebP image", path)
	}
	small, err = decode(f)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %s: %w", path, err)
	}
	return rgb(small), small, nil
}

// decode reads the file three times: for its kind and size, for what these do not say, for the picture.
func decode(file io.ReadSeeker) (*image.NRGBA, error) {
	if n, err := file.Seek(0, io.SeekEnd); n == 0 || err != nil {
		return nil, errors.Join(errors.New("the file is empty: want a PNG, JPEG, GIF or WebP image"), err)
	}
	file.Seek(0, io.SeekStart)
	header, format, err := image.DecodeConfig(file)
	if err != nil {
		return nil, fmt.Errorf("not an image that can be read (want PNG, JPEG, GIF or WebP): %w", err)
	}
	file.Seek(0, io.SeekStart)
	found := inspect(file, format)
	found.width, found.height = max(found.width, header.Width), max(found.height, header.Height)
	if err := found.check(header.ColorModel); err != nil {
		return nil, err
	}
	file.Seek(0, io.SeekStart)
	img, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("a damaged %s image, or of a kind that is not read: %w", format, err)
	}
	return upright(shrink(img), found.orientation), nil
}

// check refuses images that would take too much memory.
func (d details) check(model color.Model) error {
	w, h := int64(d.width), int64(d.height)
	if w < 1 || h < 1 || w*h > maxPixels {
		return fmt.Errorf("the image has %d×%d pixels, want at least one and at most %d million: shrink it first", w, h, maxPixels/1_000_000)
	}
	// Bytes for a pixel. The usual ones are 1 to 4; an interlaced PNG is held twice.
	each := int64(8)
	switch {
	case model == color.NRGBA64Model || model == color.RGBA64Model:
		each = 16
	case d.progressive && model == color.YCbCrModel:
		each = 15 // three colours, and a 32-bit coefficient for each
	case d.progressive:
		each = 24 // four, and a copy
	}
	if w*h*each > maxMemory {
		return fmt.Errorf("the image has %d×%d pixels and is stored in a way (16 bits a colour, or progressive) that takes %d MB to read, want at most %d: shrink it first",
			w, h, w*h*each>>20, maxMemory>>20)
	}
	return nil
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
