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
}

func inspect(file io.Reader, format string) details {
	switch in := bufio.NewReader(file); format {
	case "jpeg":
		return inspectJPEG(in)
	case "webp":
		return inspectWebP(in)
	}
	return details{orientation: 1}
}

// inspectJPEG reads the segments of a JPEG up to the compressed data. A file is taken for progressive unless its header
// marks it as baseline or extended sequential.
func inspectJPEG(in *bufio.Reader) details {
	const sof0, sof1, sof2, app1 = 0xC0, 0xC1, 0xC2, 0xE1
	d := details{orientation: 1, progressive: true}
	in.Discard(2)
	for {
		var head [4]byte // 0xFF, the marker, the length including its own two bytes
		if _, err := io.ReadFull(in, head[:]); err != nil || head[0] != 0xFF {
			return d
		}
		marker, length := head[1], int(binary.BigEndian.Uint16(head[2:]))
		if marker < sof0 || marker >= 0xD0 && marker <= 0xDA || length < 2 { // markers without a length, and the start of the data
			return d
		}
		segment := make([]byte, length-2)
		if _, err := io.ReadFull(in, segment); err != nil {
			return d
		}
		switch marker {
		case sof0, sof1:
			d.progressive = false
		case sof2:
			d.progressive = true
		case app1:
			if tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok {
				d.orientation = tiffOrientation(tiff)
			}
		}
	}
}

// tiffOrientation returns the orientation in EXIF data, or 1 if it is missing or invalid. It is an entry of the first
// directory of a TIFF structure (JEITA CP-3451, section 4.6).
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
		if order.Uint16(tiff[at:]) == tag {
			if o := int(order.Uint16(tiff[at+8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
	}
	return 1
}

// inspectWebP returns the size of the image itself in a WebP file. The outer header may state a different one (RFC 9649,
// section 2.5 ff.).
func inspectWebP(in *bufio.Reader) details {
	d := details{orientation: 1}
	in.Discard(12) // "RIFF", a length, "WEBP"
	for {
		var head [8]byte // name and length of the chunk
		if _, err := io.ReadFull(in, head[:]); err != nil {
			return d
		}
		start, _ := in.Peek(10)
		switch name := string(head[:4]); {
		case name == "VP8L" && len(start) >= 5: // one byte, then 14 bits each for width-1 and height-1
			bits := binary.LittleEndian.Uint32(start[1:])
			d.width, d.height = max(d.width, int(bits&0x3FFF)+1), max(d.height, int(bits>>14&0x3FFF)+1)
		case name == "VP8 " && len(start) >= 10: // six bytes, then width and height
			d.width = max(d.width, int(binary.LittleEndian.Uint16(start[6:])&0x3FFF))
			d.height = max(d.height, int(binary.LittleEndian.Uint16(start[8:])&0x3FFF))
		}
		length := int64(binary.LittleEndian.Uint32(head[4:]))
		if _, err := io.CopyN(io.Discard, in, length+length%2); err != nil {
			return d
		}
	}
}
