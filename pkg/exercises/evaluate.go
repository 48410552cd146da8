package exercises

import (
	"math"

	"nndl.example/resnet18/pkg/metrics"
)

// Precision is for each class the share of its answers that are right (notebook 04, exercise 1): the diagonal of the
// confusion matrix over the sum of its column. A class that is never answered has 0.
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

// LossAgainstAccuracy gives two models' logits for four images of two classes (notebook 04, exercise 2): the second
// model has the lower loss and the lower accuracy.
func LossAgainstAccuracy() (labels []uint8, first, second [][]float32) {
	labels = []uint8{0, 0, 1, 1}
	first = [][]float32{{0.1, 0}, {0.1, 0}, {0, 0.1}, {9, 0}} // barely right three times, once surely wrong
	second = [][]float32{{4, 0}, {4, 0}, {0.1, 0}, {0.1, 0}}  // surely right twice, barely wrong twice
	return labels, first, second
}

// Scaled divides all logits by a temperature.
func Scaled(logits [][]float32, temperature float64) [][]float32 {
	out := make([][]float32, len(logits))
	for i, row := range logits {
		for _, z := range row {
			out[i] = append(out[i], float32(float64(z)/temperature))
		}
	}
	return out
}

// Temperature finds the T that makes the loss of logits/T smallest, between 0.1 and 10 (notebook 04, exercise 3; Guo et
// al. 2017). The largest logit stays the largest, so no answer changes. The loss has one valley: close in on it by
// thirds, on a logarithmic scale.
func Temperature(logits [][]float32, labels []uint8) float64 {
	loss := func(logT float64) float64 {
		mean, _ := metrics.MeanStd(metrics.CrossEntropies(Scaled(logits, math.Exp(logT)), labels))
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

// LabelsToMove is how many of n labels must turn from wrong to right before an accuracy moves by one standard deviation
// (notebook 04, exercise 5).
func LabelsToMove(accuracy float64, n int) int {
	return int(math.Ceil(metrics.StandardError(accuracy, n) * float64(n)))
}
