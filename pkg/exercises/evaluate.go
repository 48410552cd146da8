package exercises

import (
	"math"

	"nndl.example/resnet18/pkg/metrics"
)

// Precision returns for each class the share of its predictions that are correct (notebook 04, exercise 1): the diagonal
// of the confusion matrix divided by the sum of the column. It is 0 for a class that is never predicted.
func Precision(counts [][]int) []float64 {
	out := make([]float64, len(counts))
	for class := range counts {
		total := 0
		for _, row := range counts {
			total += row[class]
		}
		out[class] = float64(counts[class][class]) / float64(max(total, 1))
	}
	return out
}

// LossVersusAccuracy returns the logits of two models for four images of two classes (notebook 04, exercise 2): the second
// model has both the lower loss and the lower accuracy.
func LossVersusAccuracy() (labels []uint16, first, second [][]float32) {
	labels = []uint16{0, 0, 1, 1}
	first = [][]float32{{0.1, 0}, {0.1, 0}, {0, 0.1}, {9, 0}} // three times barely correct, once confidently wrong
	second = [][]float32{{4, 0}, {4, 0}, {0.1, 0}, {0.1, 0}}  // twice confidently correct, twice barely wrong
	return labels, first, second
}

// ScaleLogits returns the logits divided by a temperature.
func ScaleLogits(logits [][]float32, temperature float64) [][]float32 {
	out := make([][]float32, len(logits))
	for i, row := range logits {
		for _, z := range row {
			out[i] = append(out[i], float32(float64(z)/temperature))
		}
	}
	return out
}

// Temperature returns the T from 0.1 to 10 that minimises the loss of logits/T (notebook 04, exercise 3; Guo et al. 2017).
// The largest logit stays the largest, so no prediction changes. The loss has a single minimum, found by ternary search
// over log T.
func Temperature(logits [][]float32, labels []uint16) float64 {
	loss := func(logT float64) float64 {
		mean, _ := metrics.MeanStd(metrics.CrossEntropies(ScaleLogits(logits, math.Exp(logT)), labels))
		return mean
	}
	lo, hi := math.Log(0.1), math.Log(10)
	for hi-lo > 1e-4 {
		a, b := lo+(hi-lo)/3, hi-(hi-lo)/3
		if loss(a) < loss(b) {
			hi = b
		} else {
			lo = a
		}
	}
	return math.Exp((lo + hi) / 2)
}

// LabelsToMove returns how many of n labels must be corrected in the model's favour to raise its accuracy by one standard
// error (notebook 04, exercise 5).
func LabelsToMove(accuracy float64, n int) int {
	return int(math.Ceil(metrics.StandardError(accuracy, n) * float64(n)))
}
