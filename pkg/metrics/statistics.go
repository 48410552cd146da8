package metrics

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// StandardError returns the standard error of an accuracy p measured on n images: √(p(1-p)/n).
func StandardError(p float64, n int) float64 { return math.Sqrt(p * (1 - p) / float64(n)) }

// ChiSquare returns the chi-square statistic of counts that are expected to be equal: the sum of (count - mean)²/mean.
func ChiSquare(counts []int) float64 {
	mean := 0.0
	for _, c := range counts {
		mean += float64(c) / float64(len(counts))
	}
	sum := 0.0
	for _, c := range counts {
		sum += (float64(c) - mean) * (float64(c) - mean) / mean
	}
	return sum
}

// RandomDrawPValue returns the p-value of "these images were drawn at random", estimated by Monte Carlo simulation: the share of
// trials in which the class counts of size randomly drawn labels have at least the given ChiSquare. Labels are 0 to classes-1.
func RandomDrawPValue(labels []uint16, size, classes int, chiSquare float64, trials int, seed uint64) (p float64, err error) {
	if size < 1 || size > len(labels) || trials < 1 {
		return 0, fmt.Errorf("metrics: trials=%d, size=%d, len(labels)=%d: want trials ≥ 1 and 1 ≤ size ≤ len(labels)", trials, size, len(labels))
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	pool := append([]uint16(nil), labels...)
	hits := 0
	for range trials {
		counts := make([]int, classes)
		for i := range size {
			j := i + rng.IntN(len(pool)-i)
			pool[i], pool[j] = pool[j], pool[i]
			counts[pool[i]]++
		}
		if ChiSquare(counts) >= chiSquare {
			hits++
		}
	}
	return float64(hits) / float64(trials), nil
}

// MeanStd returns the mean and the sample standard deviation (divided by n-1), which is 0 for one value.
func MeanStd(values []float64) (mean, std float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	for _, v := range values {
		std += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(std / float64(max(1, len(values)-1)))
}

// McNemar compares two models on the same images, given which ones each predicted correctly (McNemar 1947). It returns how many
// only a and only b predicted correctly, and z, the difference in standard errors. |z| > 1.96 is unlikely to be chance (5 %).
func McNemar(a, b []bool) (onlyA, onlyB int, z float64) {
	for i := range a {
		switch {
		case a[i] && !b[i]:
			onlyA++
		case b[i] && !a[i]:
			onlyB++
		}
	}
	return onlyA, onlyB, float64(onlyA-onlyB) / math.Sqrt(float64(max(onlyA+onlyB, 1)))
}

// CountCorrect returns the number of correct predictions.
func CountCorrect(predictions []Prediction) (n int) {
	for _, p := range predictions {
		if p.Correct() {
			n++
		}
	}
	return n
}

// Accuracy returns the share of correct predictions.
func Accuracy(predictions []Prediction) float64 {
	return float64(CountCorrect(predictions)) / float64(len(predictions))
}

// Corrects returns for each prediction whether it is correct, as McNemar requires.
func Corrects(predictions []Prediction) []bool {
	correct := make([]bool, len(predictions))
	for i, p := range predictions {
		correct[i] = p.Correct()
	}
	return correct
}
