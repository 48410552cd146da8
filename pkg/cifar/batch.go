package cifar

import (
	"fmt"
	"image"
)

// A Batch is one batch file as the chapter reads it: pixels as floats in planes, labels as 64-bit integers.
type Batch struct {
	Images []float32 // [N, 3, 32, 32] in [0,1]
	Labels []int64   // [N], 0 to 9: indices into Classes
	N      int       // 10,000
}

// LoadBatch is the chapter's load_cifar10_batch: it reads one batch file of an extracted folder of
// either layout and divides the pixels by 255. For Train and Dev, id is 1 to 5 for data_batch_1
// to data_batch_5, whatever the split (the file of Dev is 5). For Test it is ignored.
//
// The floats take 123 MB. For training use Load, which keeps the pixels as bytes.
func LoadBatch(folder string, id int, split Split) (*Batch, error) {
	return published.floatBatch(folder, id, split)
}

func (r reader) floatBatch(folder string, id int, split Split) (*Batch, error) {
	planes, labels, err := r.readBatch(folder, id, split)
	if err != nil {
		return nil, err
	}
	b := &Batch{make([]float32, len(planes)), make([]int64, len(labels)), len(labels)}
	var scaled [256]float32
	for v := range scaled {
		scaled[v] = float32(float64(v) / 255)
	}
	for i, v := range planes {
		b.Images[i] = scaled[v]
	}
	for i, label := range labels {
		b.Labels[i] = int64(label)
	}
	return b, nil
}

// ReadBatch reads one batch file of an extracted folder of either layout and returns what pickle.load of the python layout
// returns: data, [N, 3, 32, 32] bytes, and labels, [N]. See LoadBatch for id and split.
func ReadBatch(folder string, id int, split Split) (data, labels []uint8, err error) {
	return published.readBatch(folder, id, split)
}

func (r reader) readBatch(folder string, id int, split Split) (planes, labels []uint8, err error) {
	if _, err := splitBatches(split); err != nil {
		return nil, nil, err
	}
	if split == Test {
		id = testBatch
	} else if id < 1 || id > 5 {
		return nil, nil, fmt.Errorf("cifar: batch %d: want 1 to 5", id)
	}
	l, err := folderLayout(folder)
	if err != nil {
		return nil, nil, err
	}
	im, err := r.loadBatch(l, folder, id)
	return im.planes, im.labels, err
}

// Image returns image i as a copy; the chapter uses transpose(1, 2, 0).
func (b *Batch) Image(i int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, Width, Height))
	const plane = Height * Width
	for p, chw := 0, b.Images[i*ImageSize:][:ImageSize]; p < plane; p++ {
		for c := range Channels {
			img.Pix[4*p+c] = uint8(chw[c*plane+p]*255 + 0.5)
		}
		img.Pix[4*p+3] = 0xff
	}
	return img
}
