// Package picture reads a photo from a file and converts it to the network's input: a square of 32×32 RGB pixels.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // for image.Decode, like the next two
	_ "image/jpeg"
	_ "image/png"
	"io"

	"golang.org/x/image/draw"

	"nndl.example/resnet18/pkg/internal/filetype"
	"nndl.example/resnet18/pkg/internal/regularfile"
)

const (
	// Size is the height and width of the result in pixels.
	Size = 32
	// maxPixels is the largest number of pixels of an image that is decoded.
	maxPixels = 50_000_000
	// maxMemory is the limit of the memory for decoding, in bytes.
	maxMemory = 400 << 20
)

// Errors that callers can test for with errors.Is.
var (
	// ErrFormat reports that a file is not a valid image in a supported format.
	ErrFormat = errors.New("corrupt or unsupported image")

	// ErrTooLarge reports that decoding an image would take too much memory.
	ErrTooLarge = errors.New("image too large")
)

// Load reads a PNG, JPEG, GIF or WebP file, of an animation the first frame. It applies the EXIF orientation, paints
// transparent pixels white, crops the picture to the square in its middle and scales that to 32×32. It returns the pixels as
// bytes of shape [32, 32, 3], and as an image for display. Colour profiles are not applied.
//
// The error is ErrFormat or ErrTooLarge for an unusable image. Anything but a regular file is refused.
func Load(path string) (pixels []uint8, small *image.NRGBA, err error) {
	f, _, err := regularfile.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	defer f.Close()
	small, err = decode(f)
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %s: %w", path, err)
	}
	return rgb(small), small, nil
}

// Decode is Load for the content of a file.
func Decode(content []byte) (pixels []uint8, small *image.NRGBA, err error) {
	small, err = decode(bytes.NewReader(content))
	if err != nil {
		return nil, nil, fmt.Errorf("picture: %w", err)
	}
	return rgb(small), small, nil
}

// decode reads the file three times: for its format and size, for its orientation and memory, and for its pixels.
func decode(file io.ReadSeeker) (*image.NRGBA, error) {
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return nil, fmt.Errorf("%w: the file is empty, want PNG, JPEG, GIF or WebP", ErrFormat)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	header, format, err := image.DecodeConfig(file)
	if err != nil {
		return nil, headerError(file, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	d := inspect(file, format)
	d.width, d.height = max(d.width, header.Width), max(d.height, header.Height)
	if err := d.check(header.ColorModel); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, err := d.decodePixels(file, format, header)
	if err != nil {
		return nil, fmt.Errorf("%w (%s): %w", ErrFormat, format, err)
	}
	if img.Bounds().Empty() { // the first frame of a GIF may be smaller than the screen in its header
		return nil, fmt.Errorf("%w (%s): no pixels", ErrFormat, format)
	}
	return applyOrientation(shrink(img), d.orientation), nil
}

// headerError says what a file is whose header image.DecodeConfig does not read.
func headerError(file io.ReadSeeker, err error) error {
	start := make([]byte, filetype.Start)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, _ := io.ReadFull(file, start)
	switch found := filetype.Name(start[:n]); found {
	case filetype.Unknown, filetype.PNG, filetype.JPEG, filetype.GIF, filetype.WebP:
		return fmt.Errorf("%w, want PNG, JPEG, GIF or WebP: %w", ErrFormat, err)
	case filetype.HEIC, filetype.AVIF, filetype.TIFF, filetype.BMP, filetype.JPEGXL, filetype.JPEG2000, filetype.Photoshop:
		return fmt.Errorf("%w: %s, want PNG, JPEG, GIF or WebP: save it as JPEG or PNG with an image viewer", ErrFormat, found)
	default:
		return fmt.Errorf("%w: %s, want PNG, JPEG, GIF or WebP", ErrFormat, found)
	}
}

// decodePixels decodes the picture, or the first frame of an animated one at its place on the canvas.
func (d details) decodePixels(file io.Reader, format string, header image.Config) (image.Image, error) {
	switch {
	case d.frame != nil:
		return d.frame.decode()
	case format == "webp":
		return decodeWebP(file)
	}
	img, _, err := image.Decode(file)
	if ycc, ok := img.(*image.YCbCr); ok && err == nil {
		return smooth(ycc), nil
	}
	if err != nil || format != "gif" || img.Bounds().Empty() {
		return img, err
	}
	return onWhite(img, image.Rect(0, 0, header.Width, header.Height), img.Bounds().Min), nil
}

// check returns an error for images without pixels and for those that would take too much memory.
func (d details) check(model color.Model) error {
	w, h := int64(d.width), int64(d.height)
	if w < 1 || h < 1 {
		return fmt.Errorf("%w: no pixels (%d×%d)", ErrFormat, w, h)
	}
	if w*h > maxPixels {
		return fmt.Errorf("%w: %d×%d pixels, at most %d million are supported: shrink it first", ErrTooLarge, w, h, maxPixels/1_000_000)
	}
	// Bytes per pixel: usually 1 to 4, but an interlaced PNG is in memory twice.
	bytesPerPixel := int64(8)
	switch {
	case model == color.NRGBA64Model || model == color.RGBA64Model:
		bytesPerPixel = 16
	case d.progressive && model == color.YCbCrModel:
		bytesPerPixel = 15 // three colours, each with a 32-bit coefficient
	case d.progressive:
		bytesPerPixel = 24 // four colours, and a copy
	}
	if memory := w * h * bytesPerPixel; memory > maxMemory {
		return fmt.Errorf("%w: decoding %d×%d pixels with 16 bits per colour or progressive coding takes %d MB, at most %d are allowed: shrink it first",
			ErrTooLarge, w, h, memory>>20, maxMemory>>20)
	}
	return nil
}

// shrink paints transparent pixels white, crops the image to the square in its middle and scales it to 32×32.
func shrink(img image.Image) *image.NRGBA {
	b := img.Bounds()
	side := min(b.Dx(), b.Dy())
	corner := b.Min.Add(image.Pt((b.Dx()-side)/2, (b.Dy()-side)/2))
	square := image.Rectangle{corner, corner.Add(image.Pt(side, side))}
	small := image.NewNRGBA(image.Rect(0, 0, Size, Size))
	draw.CatmullRom.Scale(small, small.Bounds(), onWhite(img, square, b.Min), square, draw.Src, nil)
	return small
}

// onWhite returns a white canvas with the image at its place, or the image itself if it is opaque and covers the canvas there.
func onWhite(img image.Image, canvas image.Rectangle, at image.Point) image.Image {
	place := image.Rectangle{at, at.Add(img.Bounds().Size())}
	if o, ok := img.(interface{ Opaque() bool }); ok && at == img.Bounds().Min && canvas.In(place) && o.Opaque() {
		return img
	}
	out := image.NewRGBA(canvas)
	draw.Draw(out, canvas, image.White, image.Point{}, draw.Src)
	draw.Draw(out, place, img, img.Bounds().Min, draw.Over)
	return out
}

// applyOrientation turns the image upright, according to its EXIF orientation from 1 to 8.
func applyOrientation(img *image.NRGBA, orientation int) *image.NRGBA {
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

// rgb returns the colours of the pixels, row by row.
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
