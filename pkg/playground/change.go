package playground

import (
	"math"

	"nndl.example/resnet18/pkg/cifar/cifar10"
)

// Change is what the reader does to a picture before the network sees it. The zero value changes nothing.
type Change struct {
	ShiftX, ShiftY int     // pixels to the right and down, at most 31; the gap is filled by reflection, as in augmentation
	Brightness     float64 // added to each colour, in the range 0 to 1
	Square         int     // side of a square that covers a part of the picture, in pixels
	SquareX        int     // its left column
	SquareY        int     // its top row
}

// Apply returns a changed copy of an image [32, 32, 3]. The square has the mean colour of the training images: as the network's
// input it is nearly 0.
func (c Change) Apply(pixels []uint8) []uint8 {
	out := make([]uint8, 0, cifar10.ImageSize)
	shiftX, shiftY := min(last, max(-last, c.ShiftX)), min(last, max(-last, c.ShiftY))
	for y := range cifar10.Height {
		for x := range cifar10.Width {
			covered := x >= c.SquareX && x < c.SquareX+c.Square && y >= c.SquareY && y < c.SquareY+c.Square
			from := (reflect(y-shiftY)*cifar10.Width + reflect(x-shiftX)) * cifar10.Channels
			for channel := range cifar10.Channels {
				v := float64(pixels[from+channel])/255 + c.Brightness
				if covered {
					v = float64(cifar10.Mean[channel])
				}
				out = append(out, uint8(math.Round(255*min(1, max(0, v)))))
			}
		}
	}
	return out
}

const last = cifar10.Width - 1

// reflect maps positions up to 31 pixels outside the image back into it: -1 to 1, 32 to 30.
func reflect(i int) int {
	i = max(i, -i)
	return last - max(last-i, i-last)
}
