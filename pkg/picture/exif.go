package picture

import (
	"bytes"
	"encoding/binary"
)

// orientation finds the EXIF orientation (1 to 8) of a JPEG file; 1, upright, if there is none or it makes
// no sense. The tag stands in the first directory of a TIFF structure in an APP1 segment (JEITA CP-3451).
func orientation(jpeg []byte) int {
	const app1, startOfScan = 0xE1, 0xDA
	for at := 2; at+4 <= len(jpeg) && jpeg[at] == 0xFF && jpeg[at+1] != startOfScan; {
		length := int(binary.BigEndian.Uint16(jpeg[at+2:]))
		end := at + 2 + length
		if length < 2 || end > len(jpeg) {
			return 1
		}
		if tiff, ok := bytes.CutPrefix(jpeg[at+4:end], []byte("Exif\x00\x00")); ok && jpeg[at+1] == app1 {
			return tiffOrientation(tiff)
		}
		at = end
	}
	return 1
}

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
		const size, tag = 12, 0x0112 // bytes of an entry; the orientation's tag
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
