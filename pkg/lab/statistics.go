package lab

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Deviation is the standard deviation of an accuracy p that was measured on n images: what chance alone does to it.
func Deviation(p float64, n int) float64 { return math.Sqrt(p * (1 - p) / float64(n)) }

// ChiSquare measures how far counts lie from equal ones: the sum of (count - mean)²/mean.
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

// DrawAtRandom takes size of the labels at random, trials times, and says how often their ChiSquare was at least
// the given one: the p-value of "this part was drawn at random". Labels are 0 to classes-1.
func DrawAtRandom(labels []uint8, size, classes int, chiSquare float64, trials int, seed uint64) (share float64, err error) {
	if size < 1 || size > len(labels) || trials < 1 {
		return 0, fmt.Errorf("lab: %d trials of %d labels of %d: want at least 1 trial and no more labels than there are", trials, size, len(labels))
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	pool := append([]uint8(nil), labels...)
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

// BestOf is how high the best of k measured accuracies comes out on average, if the true one is p each time and each
// is measured on n images of its own. It is found by playing, trials times.
func BestOf(k int, p float64, n, trials int, seed uint64) float64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	sum := 0.0
	for range trials {
		best := math.Inf(-1)
		for range k {
			best = max(best, p+Deviation(p, n)*rng.NormFloat64()) // at n = 10,000 a binomial is a bell curve
		}
		sum += best
	}
	return sum / float64(trials)
}

// Spread is the mean and the standard deviation of a sample.
func Spread(values []float64) (mean, sd float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(max(1, len(values)-1)))
}

// McNemar compares two models that answered the same images: how many exactly one of them got right, and how many
// standard deviations that is from a coin toss each.
func McNemar(a, b []Answer) (onlyA, onlyB int, z float64) { return Discordant(right(a), right(b)) }

func right(answers []Answer) []bool {
	out := make([]bool, len(answers))
	for i, a := range answers {
		out[i] = a.Right()
	}
	return out
}

// Discordant is McNemar for two models of which only is kept which images they got right; b has at least as many as a.
func Discordant(a, b []bool) (onlyA, onlyB int, z float64) {
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

// Sigmoid turns the single logit of a two-class model into the probability of "yes".
func Sigmoid(logit float32) float64 { return 1 / (1 + math.Exp(-float64(logit))) }
