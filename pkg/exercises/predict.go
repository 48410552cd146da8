package exercises

import (
	"cmp"
	"math"
	"slices"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/metrics"
)

// Softmax returns the probabilities for logits of any size (notebook 05, exercise 1). Adding a constant to all logits does
// not change the result, so it subtracts the largest: then no exponent is positive and nothing overflows.
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

// Shift moves an image of shape [32, 32, 3] to the right and down by the given numbers of pixels (notebook 05, exercise 2).
// It fills the uncovered border with copies of the pixels at the edge.
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

// Coverage evaluates a model that may abstain (notebook 05, exercise 3). It returns for each threshold the share of
// predictions with at least that probability, and their accuracy (1 if there are none).
func Coverage(predictions []metrics.Prediction, thresholds []float64) (share, accuracy []float64) {
	sorted := slices.Clone(predictions)
	slices.SortFunc(sorted, func(a, b metrics.Prediction) int { return cmp.Compare(b.Probability, a.Probability) })
	for _, t := range thresholds {
		n, correct := 0, 0
		for n < len(sorted) && sorted[n].Probability >= t {
			if sorted[n].Correct() {
				correct++
			}
			n++
		}
		share = append(share, float64(n)/float64(len(sorted)))
		if n == 0 {
			correct, n = 1, 1
		}
		accuracy = append(accuracy, float64(correct)/float64(n))
	}
	return share, accuracy
}

// Entropy returns the entropy of a prediction in nats (notebook 05, exercise 4): 0 for a certain one, ln K if all K classes
// are equally likely.
func Entropy(p []float64) (h float64) {
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log(v)
		}
	}
	return h
}
