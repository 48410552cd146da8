package chart

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Histogram draws the number of values in each of the given number of equally wide bins. The values are the Y of each
// series; X is ignored. A single series is shown as counts, several as fractions of each series, so that sets of
// different sizes can be compared. Values outside axes.XMin and axes.XMax are not counted.
func Histogram(axes Axes, bins int, series ...Series) (*Figure, error) {
	if err := axes.check(); err != nil {
		return nil, err
	}
	if len(series) == 0 {
		return nil, errors.New("chart: histogram: no series: at least one is needed")
	}
	if bins < 1 || bins > 500 {
		return nil, fmt.Errorf("chart: histogram of %d bins: must be from 1 to 500", bins)
	}
	series = slices.Clone(series)
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range series {
		s := &series[i]
		s.X, s.Best = nil, ""
		if err := s.check(Axes{}); err != nil {
			return nil, err
		}
		if s.Color == nil {
			s.Color = palette[i%len(palette)]
		}
		lo, hi = min(lo, slices.Min(s.Y)), max(hi, slices.Max(s.Y))
	}
	lo, hi = axisRange(lo, hi, axes.XMin, axes.XMax)
	if axes.YLabel == "" {
		axes.YLabel = "values"
		if len(series) > 1 {
			axes.YLabel = "share of the values"
		}
	}
	f := &Figure{Title: axes.Title, Alt: describeHistogram(axes.Title, series), paint: paintHistogram(axes, lo, hi, bins, series)}
	f.width, f.height = axes.size()
	return f, nil
}

// paintHistogram returns a function that draws the histogram of checked series over the range from lo to hi.
func paintHistogram(axes Axes, lo, hi float64, bins int, series []Series) func(pen) {
	var legend []legendEntry
	var outlines []outline
	top := 0.0
	for i, s := range series {
		o := outline{lo: lo, step: (hi - lo) / float64(bins), heights: binCounts(s.Y, lo, hi, bins), color: s.Color, filled: i == 0}
		if len(series) > 1 {
			for b := range o.heights {
				o.heights[b] /= float64(len(s.Y))
			}
		}
		top = max(top, slices.Max(o.heights))
		outlines = append(outlines, o)
		if s.Name != "" {
			legend = append(legend, legendEntry{name: s.Name, color: s.Color, line: i > 0})
		}
	}
	bottom := 0.0
	if axes.LogY {
		bottom = 0.5
		if len(series) > 1 {
			bottom = top / 1e4
		}
	}
	return func(p pen) {
		pl := axes.plot(lo, hi, bottom, max(top*1.05, 2*bottom))
		for _, o := range outlines {
			pl.Add(o)
		}
		pl.Draw(axes.frame(p, legend).c)
	}
}

// describeHistogram returns the text alternative of a histogram.
func describeHistogram(title string, series []Series) string {
	if title == "" {
		title = "Histogram"
	}
	parts := make([]string, len(series))
	for i, s := range series {
		parts[i] = fmt.Sprintf("%s values from %.3g to %.3g, mean %.3g",
			strings.TrimLeft(s.Name+" ", " ")+Count(len(s.Y)), slices.Min(s.Y), slices.Max(s.Y), mean(s.Y))
	}
	return title + ": " + strings.Join(parts, "; ") + "."
}

func mean(vs []float64) float64 {
	sum := 0.0
	for _, v := range vs {
		sum += v / float64(len(vs)) // the sum itself may overflow
	}
	return sum
}

// binCounts counts the values from lo to hi in each bin. A value of hi belongs to the last bin.
func binCounts(vs []float64, lo, hi float64, bins int) []float64 {
	out := make([]float64, bins)
	for _, v := range vs {
		if v >= lo && v <= hi {
			out[min(int((v-lo)/(hi-lo)*float64(bins)), bins-1)]++
		}
	}
	return out
}

// outline is the stepped outline of one histogram. The first one in a chart is filled.
type outline struct {
	lo, step float64
	heights  []float64
	color    color.Color
	filled   bool
}

// Plot implements gonum's plot.Plotter.
func (o outline) Plot(c draw.Canvas, pl *plot.Plot) {
	tx, ty := pl.Transforms(&c)
	var pts []vg.Point
	for b, n := range o.heights {
		y := ty(max(n, pl.Y.Min))
		pts = append(pts,
			vg.Point{X: tx(o.lo + o.step*float64(b)), Y: y},
			vg.Point{X: tx(o.lo + o.step*float64(b+1)), Y: y})
	}
	if o.filled {
		area := append([]vg.Point{{X: pts[0].X, Y: c.Min.Y}}, pts...)
		area = append(area, vg.Point{X: pts[len(pts)-1].X, Y: c.Min.Y})
		c.FillPolygon(withOpacity(o.color, 0.35), c.ClipPolygonXY(area))
	}
	c.StrokeLines(draw.LineStyle{Color: o.color, Width: 2}, c.ClipLinesXY(pts)...)
}
