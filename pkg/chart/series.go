package chart

import (
	"fmt"
	"image/color"
	"math"
)

// Series is one line of a chart: Y against X.
type Series struct {
	Name string
	X, Y []float64 // nil X means 0, 1, 2, …

	Color  color.Color // nil takes the next colour of the palette: Blue, Vermillion, Green, …
	Points bool        // draw a dot at each point as well as the line
	Dashed bool
	Faint  bool // thin and pale, as a background to another series; not in the legend

	// Best marks one point with a star and this text, for example "best 0.7258".
	Best   string
	BestAt int // the index of that point
}

// check returns an error if the series cannot be drawn on axes a. It fills in a nil X.
func (s *Series) check(a Axes) error {
	if len(s.Y) == 0 {
		return fmt.Errorf("chart: series %q has no points", s.Name)
	}
	if s.X == nil {
		s.X = make([]float64, len(s.Y))
		for i := range s.X {
			s.X[i] = float64(i)
		}
	}
	if len(s.X) != len(s.Y) {
		return fmt.Errorf("chart: series %q: len(X)=%d, len(Y)=%d: lengths must be equal", s.Name, len(s.X), len(s.Y))
	}
	for i := range s.X {
		if !(math.Abs(s.X[i]) <= maxValue && math.Abs(s.Y[i]) <= maxValue) {
			return fmt.Errorf("chart: series %q, point %d is (%g, %g): both must be between -1e15 and 1e15", s.Name, i, s.X[i], s.Y[i])
		}
		if a.LogY && s.Y[i] <= 0 {
			return fmt.Errorf("chart: series %q, point %d: %g on a logarithmic axis: must be positive", s.Name, i, s.Y[i])
		}
	}
	if s.Best != "" && (s.BestAt < 0 || s.BestAt >= len(s.Y)) {
		return fmt.Errorf("chart: series %q: BestAt is %d: must be from 0 to %d", s.Name, s.BestAt, len(s.Y)-1)
	}
	return nil
}
