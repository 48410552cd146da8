package exercises

import "math"

// Descend makes steps of gradient descent on the loss (2w - 6)² from w = 1 and returns w (notebook 03, exercise 1). The slope
// is 8·(w - 3), so each step multiplies the distance from 3 by 1 - 8·rate: it converges for rates below 0.25, jumps between 1
// and 5 at 0.25, and diverges above.
func Descend(rate float64, steps int) float64 {
	w := 1.0
	for range steps {
		w -= rate * 4 * (2*w - 6)
	}
	return w
}

// Adam is the Adam optimizer for a single weight (notebook 03, exercise 1).
type Adam struct {
	Weight, Rate float64 // the weight and the learning rate
	Coupled      float64 // weight decay added to the gradient (L2), as in the chapter
	Decoupled    float64 // weight decay that bypasses the moments (AdamW)
	m, v         float64 // the moments
	steps        int
}

// Step updates the weight with one gradient.
func (a *Adam) Step(gradient float64) {
	a.steps++
	g := gradient + a.Coupled*a.Weight
	a.m = 0.9*a.m + 0.1*g
	a.v = 0.999*a.v + 0.001*g*g
	m := a.m / (1 - math.Pow(0.9, float64(a.steps)))
	v := a.v / (1 - math.Pow(0.999, float64(a.steps)))
	a.Weight -= a.Rate * (m/(math.Sqrt(v)+1e-8) + a.Decoupled*a.Weight)
}

// StepsToZero returns the number of steps in which coupled weight decay alone takes a weight to zero (notebook 03, exercise
// 2), or limit if it takes longer. The prediction is weight/rate, because Adam turns a steady gradient of any size into
// steps of the learning rate.
func StepsToZero(weight, rate, decay float64, limit int) int {
	a := Adam{Weight: weight, Rate: rate, Coupled: decay}
	for a.Weight > 0 && a.steps < limit {
		a.Step(0)
	}
	return a.steps
}

// ExpectedMaximum returns the expected maximum of k independent standard normal variables (notebook 03, exercise 4): by how
// many standard deviations the best of k equally good models exceeds their true accuracy on average. It integrates x times
// the density of the maximum numerically.
func ExpectedMaximum(k int) float64 {
	const step = 0.001
	density := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	sum := 0.0
	for x := -8.0; x < 8; x += step {
		below := 0.5 * math.Erfc(-x/math.Sqrt2)
		sum += x * float64(k) * density(x) * math.Pow(below, float64(k-1)) * step
	}
	return sum
}
