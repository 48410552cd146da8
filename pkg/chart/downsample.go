package chart

import "slices"

// buckets returns the number of intervals that a long series is reduced to in a figure of the given width: about one for each
// pixel of the plot.
func buckets(width float64) int { return max(int(0.92*width), 2) }

// downsample reduces a long series to the minimum and maximum of each interval, which preserves its shape. It always
// keeps the point at index keep, and returns that point's new index. Short series are copied.
func downsample(x, y []float64, keep, intervals int) (dx, dy []float64, at int) {
	n := len(y)
	if n <= 2*intervals {
		return slices.Clone(x), slices.Clone(y), keep
	}
	at = keep
	for b := range intervals {
		from, to := b*n/intervals, (b+1)*n/intervals
		lo, hi := from, from
		for i := from; i < to; i++ {
			if y[i] < y[lo] {
				lo = i
			}
			if y[i] > y[hi] {
				hi = i
			}
		}
		picks := []int{lo, hi}
		if b == 0 || b == intervals-1 {
			picks = append(picks, from, to-1) // the ends of the series
		}
		if keep >= from && keep < to {
			picks = append(picks, keep)
		}
		slices.Sort(picks)
		for _, i := range slices.Compact(picks) {
			if i == keep {
				at = len(dx)
			}
			dx, dy = append(dx, x[i]), append(dy, y[i])
		}
	}
	return dx, dy, at
}
