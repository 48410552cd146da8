package picture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

// inspectWebP reads the chunks of a WebP file: the size of the images themselves, as the outer header may state a different
// one, the orientation, and the first frame of an animation (RFC 9649, section 2.5 ff.).
func (d *details) inspectWebP(in *bufio.Reader) {
	in.Discard(12) // "RIFF", a length, "WEBP"
	canvas := image.Point{}
	for {
		var head [8]byte // name and length of the chunk
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		length += length % 2
		start, _ := in.Peek(int(min(length, 10)))
		d.webpSize(string(head[:4]), start)
		switch name := string(head[:4]); {
		case name == "VP8X" && len(start) == 10:
			canvas = image.Pt(uint24(start[4:])+1, uint24(start[7:])+1)
			d.width, d.height = max(d.width, canvas.X), max(d.height, canvas.Y)
		case name == "EXIF" && length <= maxExif:
			tiff, _ := io.ReadAll(io.LimitReader(in, length))
			d.orientation = tiffOrientation(bytes.TrimPrefix(tiff, exifMark))
			continue
		case name == "ANMF" && d.frame == nil && length <= maxMemory:
			data, _ := io.ReadAll(io.LimitReader(in, length))
			d.firstFrame(data, canvas)
			continue
		}
		if _, err := io.CopyN(io.Discard, in, length); err != nil {
			return
		}
	}
}

// webpSize notes the size in the start of an image's chunk.
func (d *details) webpSize(name string, start []byte) {
	switch {
	case name == "VP8L" && len(start) >= 5: // one byte, then 14 bits each for width-1 and height-1
		bits := binary.LittleEndian.Uint32(start[1:])
		d.width, d.height = max(d.width, int(bits&0x3FFF)+1), max(d.height, int(bits>>14&0x3FFF)+1)
	case name == "VP8 " && len(start) >= 10: // six bytes, then width and height
		d.width = max(d.width, int(binary.LittleEndian.Uint16(start[6:])&0x3FFF))
		d.height = max(d.height, int(binary.LittleEndian.Uint16(start[8:])&0x3FFF))
	}
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// A frame is the first of an animated WebP file, which golang.org/x/image/webp does not read.
type frame struct {
	canvas image.Rectangle
	at     image.Point // the frame's corner on the canvas
	still  []byte      // a WebP file of the frame alone
}

// firstFrame takes the frame out of the content of its chunk.
func (d *details) firstFrame(data []byte, canvas image.Point) {
	const header = 16 // half the corner's coordinates, width-1 and height-1 with three bytes each; duration and flags
	if len(data) < header {
		return
	}
	d.width, d.height = max(d.width, uint24(data[6:])+1), max(d.height, uint24(data[9:])+1)
	d.frame = &frame{image.Rectangle{Max: canvas}, image.Pt(2*uint24(data), 2*uint24(data[3:])), nil}
	var chunks []byte
	for rest := data[header:]; len(rest) >= 8; {
		length := min(int64(len(rest)), 8+(int64(binary.LittleEndian.Uint32(rest[4:]))+1)&^1)
		switch name, chunk := string(rest[:4]), rest[:length]; name {
		case "ALPH":
			const hasAlpha = 1 << 4
			extended := append([]byte("VP8X\x0a\x00\x00\x00"), hasAlpha, 0, 0, 0)
			chunks = append(append(extended, data[6:12]...), chunk...)
		case "VP8 ", "VP8L":
			d.webpSize(name, chunk[8:])
			chunks = append(chunks, chunk...)
		}
		rest = rest[length:]
	}
	size := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(4+len(chunks)))
	d.frame.still = append(append(size, "WEBP"...), chunks...)
}

func (f *frame) decode() (image.Image, error) {
	img, err := decodeWebP(bytes.NewReader(f.still))
	if err != nil {
		return nil, err
	}
	return onWhite(img, f.canvas, f.at), nil
}

// decodeWebP decodes a picture that is not animated.
func decodeWebP(in io.Reader) (image.Image, error) {
	img, err := webp.Decode(in)
	if err != nil {
		return nil, err
	}
	switch lossy := img.(type) {
	case *image.YCbCr:
		return fromVideo(lossy, nil), nil
	case *image.NYCbCrA:
		if w, h := lossy.Rect.Dx(), lossy.Rect.Dy(); lossy.AStride != w || len(lossy.A) != w*h {
			return nil, errors.New("transparency and colours of different sizes")
		}
		return fromVideo(&lossy.YCbCr, lossy.A), nil
	}
	return img, nil
}

// fromVideo converts a lossy WebP image, whose brightness is from 16 to 235 and whose colours are from 16 to 240 (BT.601). Go's
// YCbCr has the full range, which package webp does not consider: https://go.dev/issue/40173. alpha may be nil.
func fromVideo(img *image.YCbCr, alpha []uint8) *image.NRGBA {
	img = smooth(img)
	out := image.NewNRGBA(img.Rect)
	w := img.Rect.Dx()
	clip := func(v float32) uint8 { return uint8(min(max(v+0.5, 0), 255)) }
	for i := range w * img.Rect.Dy() {
		x, y := i%w, i/w
		at := img.COffset(x, y)
		grey := (float32(img.Y[y*img.YStride+x]) - 16) * 255 / 219
		cb, cr := float32(img.Cb[at])-128, float32(img.Cr[at])-128
		pixel := out.Pix[4*i:][:4]
		pixel[0], pixel[1], pixel[2], pixel[3] = clip(grey+1.596027*cr), clip(grey-0.391762*cb-0.812968*cr), clip(grey+2.017232*cb), 255
		if alpha != nil {
			pixel[3] = alpha[i]
		}
	}
	return out
}
