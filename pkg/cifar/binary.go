package cifar

import "fmt"

const recordSize = 1 + ImageSize

// binaryBatch reads a batch of the binary layout: records of one label byte and 3,072 pixel bytes.
func (r reader) binaryBatch(data []byte) (images, error) {
	if want := r.batchLen * recordSize; len(data) != want {
		return images{}, fmt.Errorf("%d bytes, want %d (%d records of %d bytes)",
			len(data), want, r.batchLen, recordSize)
	}
	im := images{make([]uint8, r.batchLen), make([]uint8, 0, r.batchLen*ImageSize)}
	for i := range r.batchLen {
		record := data[i*recordSize:][:recordSize]
		if err := checkLabel(i, int64(record[0]), NumClasses); err != nil {
			return images{}, err
		}
		im.labels[i] = record[0]
		im.planes = append(im.planes, record[1:]...)
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
