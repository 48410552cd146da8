package metrics

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

// Softmax returns the probabilities for logits, in float64 and without overflow. They sum to 1.
func Softmax(logits []float32) []float64 {
	largest := math.Inf(-1)
	for _, l := range logits {
		largest = max(largest, float64(l))
	}
	p := make([]float64, len(logits))
	sum := 0.0
	for i, l := range logits {
		p[i] = math.Exp(float64(l) - largest)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// Sigmoid returns the probability of the first class for the logit of a two-class model.
func Sigmoid(logit float64) float64 { return 1 / (1 + math.Exp(-logit)) }

// TopK returns the indices of the k largest values, the largest first.
func TopK(values []float64, k int) []int {
	var top []int
	for i, v := range values {
		at := len(top)
		for at > 0 && values[top[at-1]] < v {
			at--
		}
		top = append(top[:at], append([]int{i}, top[at:]...)...)
		top = top[:min(max(0, k), len(top))]
	}
	return top
}

// CrossEntropies returns the cross-entropy loss of each image, in nats; their mean is what runner.Evaluate returns. Logits has one row
// for each label.
func CrossEntropies(logits [][]float32, labels []uint16) []float64 {
	losses := make([]float64, len(logits))
	for i, row := range logits {
		values := float64s(row)
		losses[i] = floats.LogSumExp(values) - values[labels[i]] // not -log(softmax), which overflows
	}
	return losses
}

// LogitStd returns the standard deviation of the logits within an image: the root of the mean of the images' variances.
func LogitStd(logits [][]float32) float64 {
	sum := 0.0
	for _, row := range logits {
		_, std := MeanStd(float64s(row))
		sum += std * std / float64(len(logits))
	}
	return math.Sqrt(sum)
}

func float64s(row []float32) []float64 {
	values := make([]float64, len(row))
	for i, v := range row {
		values[i] = float64(v)
	}
	return values
}
