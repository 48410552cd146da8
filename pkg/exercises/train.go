package exercises

import "math"

// Adam is the optimizer for a single weight (notebook 03, exercise 1). Coupled decay is added to the gradient, as the
// chapter's weight_decay is; decoupled decay stays beside the moments, which makes it AdamW.
type Adam struct {
	Weight, Rate       float64
	Coupled, Decoupled float64
	m, v               float64
	steps              int
}

// Step moves the weight by one gradient.
func (a *Adam) Step(gradient float64) {
	a.steps++
	g := gradient + a.Coupled*a.Weight
	a.m = 0.9*a.m + 0.1*g
	a.v = 0.999*a.v + 0.001*g*g
	m := a.m / (1 - math.Pow(0.9, float64(a.steps)))
	v := a.v / (1 - math.Pow(0.999, float64(a.steps)))
	a.Weight -= a.Rate * (m/(math.Sqrt(v)+1e-8) + a.Decoupled*a.Weight)
}

// StepsToZero counts the steps after which a weight without data gradient has reached zero (notebook 03, exercise 2),
// and stops at limit. The prediction: weight/rate, since Adam turns a steady gradient of any size into full steps.
func StepsToZero(weight, rate, decay float64, limit int) int {
	a := Adam{Weight: weight, Rate: rate, Coupled: decay}
	for a.Weight > 0 && a.steps < limit {
		a.Step(0)
	}
	return a.steps
}

// BestOf is how many standard deviations the best of k equally good, independent measurements lies above their true
// value on average (notebook 03, exercise 4): the integral of x times the density of the largest of k normal numbers.
func BestOf(k int) float64 {
	const step = 0.001
	density := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	sum := 0.0
	for x := -8.0; x < 8; x += step {
		below := 0.5 * math.Erfc(-x/math.Sqrt2)
		sum += x * float64(k) * density(x) * math.Pow(below, float64(k-1)) * step
	}
	return sum
}
