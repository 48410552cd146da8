package cifar

import "fmt"

const recordSize = 1 + ImageSize

// binaryBatch reads a batch of the binary layout: records of one label byte and 3,072 pixel bytes.
func (r reader) binaryBatch(data []byte) (images, error) { return r.records(data, 1, NumClasses) }

// records reads records of some label bytes, the last of which is a label less than classes, and 3,072 pixel bytes.
func (r reader) records(data []byte, labelBytes, classes int) (images, error) {
	size := labelBytes + ImageSize
	if want := r.batchLen * size; len(data) != want {
		return images{}, fmt.Errorf("%d bytes, want %d (%d records of %d bytes)", len(data), want, r.batchLen, size)
	}
	im := images{make([]uint8, r.batchLen), make([]uint8, 0, r.batchLen*ImageSize)}
	for i := range r.batchLen {
		record := data[i*size:][:size]
		label := record[labelBytes-1]
		if err := checkLabel(i, int64(label), classes); err != nil {
			return images{}, err
		}
		im.labels[i] = label
		im.planes = append(im.planes, record[labelBytes:]...)
	}
	return im, nil
}

// appendBinary is the inverse of binaryBatch.
func appendBinary(b []byte, im images) []byte {
	for i, label := range im.labels {
		b = append(b, label)
		b = append(b, im.planes[i*ImageSize:][:ImageSize]...)
	}
	return b
}
