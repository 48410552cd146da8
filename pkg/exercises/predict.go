package exercises

import (
	"cmp"
	"math"
	"slices"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/metrics"
)

// Softmax survives logits of any size (notebook 05, exercise 1): a constant added to all of them changes nothing, so
// subtract the largest. Then no exponent is above 0.
func Softmax(logits []float64) []float64 {
	largest := slices.Max(logits)
	p := make([]float64, len(logits))
	sum := 0.0
	for i, z := range logits {
		p[i] = math.Exp(z - largest)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Shift moves an image [32, 32, 3] by right and down pixels (notebook 05, exercise 2). What enters at an edge repeats
// the pixel there.
func Shift(pixels []uint8, right, down int) []uint8 {
	out := make([]uint8, 0, cifar.ImageSize)
	for y := range cifar.Height {
		for x := range cifar.Width {
			fromX := min(max(x-right, 0), cifar.Width-1)
			fromY := min(max(y-down, 0), cifar.Height-1)
			out = append(out, pixels[3*(fromY*cifar.Width+fromX):][:3]...)
		}
	}
	return out
}

// Coverage says how good a model is that may refuse (notebook 05, exercise 3): for each threshold, the share of images
// that it answers because it is at least that sure, and its accuracy on those (1 where it answers none).
func Coverage(answers []metrics.Prediction, thresholds []float64) (share, accuracy []float64) {
	sorted := slices.Clone(answers)
	slices.SortFunc(sorted, func(a, b metrics.Prediction) int { return cmp.Compare(b.Probability, a.Probability) })
	for _, t := range thresholds {
		n, right := 0, 0
		for n < len(sorted) && sorted[n].Probability >= t {
			if sorted[n].Correct() {
				right++
			}
			n++
		}
		share = append(share, float64(n)/float64(len(sorted)))
		if n == 0 {
			right, n = 1, 1
		}
		accuracy = append(accuracy, float64(right)/float64(n))
	}
	return share, accuracy
}

// Entropy is the uncertainty of an answer (notebook 05, exercise 4): 0 for a sure one, ln K if all K classes are as
// likely.
func Entropy(p []float64) (h float64) {
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log(v)
		}
	}
	return h
}
