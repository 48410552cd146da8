package picture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
)

// details are properties of a file that image.DecodeConfig does not return.
type details struct {
	orientation   int  // EXIF orientation from 1 to 8; 1 is upright
	progressive   bool // for a JPEG: all coefficients stay in memory until the end of decoding
	width, height int  // of the largest image in a WebP file, otherwise 0
	frame         *frame
}

func inspect(file io.Reader, format string) details {
	d := details{orientation: 1}
	switch in := bufio.NewReader(file); format {
	case "jpeg":
		d.inspectJPEG(in)
	case "png":
		d.inspectPNG(in)
	case "webp":
		d.inspectWebP(in)
	}
	return d
}

// inspectJPEG reads the segments of a JPEG up to the compressed data, and skips the same bytes between them as image/jpeg. A
// file is taken for progressive unless its header marks it as baseline or extended sequential.
func (d *details) inspectJPEG(in *bufio.Reader) {
	const sof0, sof1, sof2, rst0, eoi, sos, app1 = 0xC0, 0xC1, 0xC2, 0xD0, 0xD9, 0xDA, 0xE1
	d.progressive = true
	in.Discard(2)
	oriented := false
	for {
		marker, err := nextMarker(in)
		if err != nil || marker < sof0 || marker == eoi || marker == sos {
			return
		}
		if marker >= rst0 && marker < rst0+8 { // without a length
			continue
		}
		var size [2]byte // of the segment, with these two bytes
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return
		}
		segment := make([]byte, max(2, binary.BigEndian.Uint16(size[:]))-2)
		if _, err := io.ReadFull(in, segment); err != nil {
			return
		}
		switch marker {
		case sof0, sof1:
			d.progressive = false
		case sof2:
			d.progressive = true
		case app1:
			if tiff, ok := bytes.CutPrefix(segment, exifMark); ok && !oriented {
				d.orientation, oriented = tiffOrientation(tiff), true
			}
		}
	}
}

var exifMark = []byte("Exif\x00\x00")

// nextMarker returns the next marker: a byte that is not 0 after one or more bytes of 0xFF.
func nextMarker(in *bufio.Reader) (marker byte, err error) {
	for marker == 0 && err == nil {
		for b := byte(0); b != 0xFF; { // not ReadBytes, which would keep what it skips
			if b, err = in.ReadByte(); err != nil {
				return 0, err
			}
		}
		for marker = 0xFF; marker == 0xFF && err == nil; { // fill bytes
			marker, err = in.ReadByte()
		}
	}
	return marker, err
}

// maxExif is the size of the largest EXIF data that is read, that of a JPEG.
const maxExif = 1 << 16

// inspectPNG looks for the chunk eXIf, which may be before or after the pixels.
func (d *details) inspectPNG(in *bufio.Reader) {
	in.Discard(8)
	for {
		var head [8]byte // length and name of the chunk
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return
		}
		length := int64(binary.BigEndian.Uint32(head[:]))
		if string(head[4:]) == "eXIf" && length <= maxExif {
			tiff, _ := io.ReadAll(io.LimitReader(in, length))
			d.orientation = tiffOrientation(tiff)
			return
		}
		if _, err := io.CopyN(io.Discard, in, length+4); err != nil { // with the checksum
			return
		}
	}
}

// tiffOrientation returns the orientation in EXIF data, or 1 if it is missing or invalid. It is an entry of the first
// directory of a TIFF structure (JEITA CP-3451, section 4.6), as a number of 16 or, from some programs, 32 bits.
func tiffOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	if tiff[0] == 'M' {
		order = binary.BigEndian
	}
	directory := int64(order.Uint32(tiff[4:]))
	if directory+2 > int64(len(tiff)) {
		return 1
	}
	entries := int64(order.Uint16(tiff[directory:]))
	for i := range entries {
		const size, tag = 12, 0x0112 // bytes of an entry; tag of the orientation
		at := directory + 2 + i*size
		if at+size > int64(len(tiff)) {
			return 1
		}
		if entry := tiff[at:]; order.Uint16(entry) == tag {
			const long = 4 // the type of numbers of 32 bits
			o := uint32(order.Uint16(entry[8:]))
			if order.Uint16(entry[2:]) == long {
				o = order.Uint32(entry[8:])
			}
			if o >= 1 && o <= 8 {
				return int(o)
			}
			return 1
		}
	}
	return 1
}
