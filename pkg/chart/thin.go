package chart

import "slices"

// thinTo is the number of steps, each with its lowest and highest value, that a long series keeps: one for each pixel.
const thinTo = 480

// thin keeps the shape of a long series with fewer points: from each run of neighbours the lowest and the highest, and
// always the point at keep.
func thin(x, y []float64, keep int) (tx, ty []float64, at int) {
	n := len(y)
	if n <= 2*thinTo {
		return slices.Clone(x), slices.Clone(y), keep
	}
	at = keep
	add := func(i int) {
		if i == keep {
			at = len(tx)
		}
		tx, ty = append(tx, x[i]), append(ty, y[i])
	}
	for b := range thinTo {
		from, to := b*n/thinTo, (b+1)*n/thinTo
		lo, hi := from, from
		for i := from; i < to; i++ {
			if y[i] < y[lo] {
				lo = i
			}
			if y[i] > y[hi] {
				hi = i
			}
		}
		picks := []int{from, lo, hi, to - 1}
		if b > 0 && b < thinTo-1 {
			picks = []int{lo, hi}
		}
		if keep >= from && keep < to {
			picks = append(picks, keep)
		}
		slices.Sort(picks)
		for _, i := range slices.Compact(picks) {
			add(i)
		}
	}
	return tx, ty, at
}

// Smooth gives the moving average of y over a window: each value is the mean of the window's values up to it. It shows
// the trend of a noisy loss.
func Smooth(y []float64, window int) []float64 {
	window = max(window, 1)
	out := make([]float64, len(y))
	sum := 0.0
	for i, v := range y {
		sum += v
		n := i + 1
		if i >= window {
			sum -= y[i-window]
			n = window
		}
		out[i] = sum / float64(n)
	}
	return out
}
