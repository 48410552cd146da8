package chart

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// ticks places about five or six marks at round numbers. (gonum's default sometimes leaves only two.)
type ticks struct {
	integers bool // only at integers, for steps and epochs
}

// Ticks implements gonum's plot.Ticker.
func (t ticks) Ticks(lo, hi float64) []plot.Tick {
	step := roundUp((hi - lo) / 6)
	if t.integers {
		step = max(1, step)
	}
	var out []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+1e-9*step && len(out) < 20; i++ {
		v := i*step + 0 // turns −0 into 0
		label := number(v, max(0, -exponent(step)))
		if step < 1e-5 || step >= 1e7 {
			label = strconv.FormatFloat(v, 'g', 4, 64)
		}
		out = append(out, plot.Tick{Value: v, Label: label})
	}
	return out
}

// exponent returns the decimal exponent of v: 2 for 500, -1 for 0.2.
func exponent(v float64) int { return int(math.Floor(math.Log10(v) + 1e-9)) }

// roundUp returns the smallest of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is not below v, and 1 if v is not positive.
func roundUp(v float64) float64 {
	if !(v > 0) {
		return 1
	}
	p := math.Pow10(exponent(v))
	for _, f := range []float64{1, 2, 5} {
		if v <= f*p*(1+1e-9) {
			return f * p
		}
	}
	return 10 * p
}

// logTicks places marks at the powers of ten, and at 2 and 5 times them over at most two decades. If that gives fewer than two, it
// places them as ticks does.
type logTicks struct{}

// Ticks implements gonum's plot.Ticker.
func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	var out []plot.Tick
	factors := []float64{1, 2, 5}
	if math.Log10(hi/lo) > 2 {
		factors = factors[:1]
	}
	from, to := exponent(lo), exponent(hi)
	for e := from; e <= to; e++ {
		for _, f := range factors {
			v := f * math.Pow10(e)
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) {
				continue
			}
			label := number(v, max(0, -e))
			if from < -4 || to > 6 {
				label = fmt.Sprintf("%ge%d", f, e)
			}
			out = append(out, plot.Tick{Value: v, Label: label})
		}
	}
	if len(out) < 2 { // from 2.2 to 4.5, say: a short piece, on which even steps are as good
		return ticks{}.Ticks(lo, hi)
	}
	return out
}
