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

// Histogram counts how many values fall into each of a number of equally wide bins. The values are the Y of each
// series; X is not used. One series shows counts; two or more show the share that each bin has of its series, so that
// a small set can be compared with a large one. Values outside XMin and XMax of the axes, where these are set, are not
// counted.
func Histogram(axes Axes, bins int, series ...Series) (*Figure, error) {
	if err := axes.check(); err != nil {
		return nil, err
	}
	if len(series) == 0 {
		return nil, errors.New("chart: histogram without a series: want at least one")
	}
	if bins < 1 || bins > 500 {
		return nil, fmt.Errorf("chart: histogram of %d bins: want 1 to 500", bins)
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
	lo, hi = span(lo, hi, axes.XMin, axes.XMax)
	step := (hi - lo) / float64(bins)
	if axes.YLabel == "" {
		axes.YLabel = "values"
		if len(series) > 1 {
			axes.YLabel = "share of the values"
		}
	}
	f := &Figure{Title: axes.Title, Alt: axes.Title}
	if f.Alt == "" {
		f.Alt = "Histogram"
	}
	var keys []key
	var all []stairs
	top := 0.0
	for i, s := range series {
		h := stairs{lo: lo, step: step, heights: count(s.Y, lo, hi, bins), color: s.Color, filled: i == 0}
		if len(series) > 1 {
			for b := range h.heights {
				h.heights[b] /= float64(len(s.Y))
			}
		}
		top = max(top, slices.Max(h.heights))
		all = append(all, h)
		if s.Name != "" {
			keys = append(keys, key{name: s.Name, color: s.Color, line: i > 0})
		}
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		f.Alt += fmt.Sprintf("%s%s values from %.3g to %.3g, mean %.3g", sep+strings.TrimLeft(s.Name+" ", " "), number(float64(len(s.Y)), 0), slices.Min(s.Y), slices.Max(s.Y), mean(s.Y))
	}
	f.Alt += "."
	floor := 0.0
	if axes.LogY {
		floor = 0.5
		if len(series) > 1 {
			floor = top / 1e4
		}
	}
	f.width, f.height = axes.size()
	f.paint = func(p pen) {
		pl := axes.plot(lo, hi, floor, max(top*1.05, 2*floor))
		for _, h := range all {
			pl.Add(h)
		}
		pl.Draw(axes.panel(p, keys).c)
	}
	return f, nil
}

func mean(vs []float64) float64 {
	sum := 0.0
	for _, v := range vs {
		sum += v / float64(len(vs))
	}
	return sum
}

// count puts the values from lo to hi into bins; hi belongs to the last one.
func count(vs []float64, lo, hi float64, bins int) []float64 {
	out := make([]float64, bins)
	for _, v := range vs {
		if v >= lo && v <= hi {
			out[min(int((v-lo)/(hi-lo)*float64(bins)), bins-1)]++
		}
	}
	return out
}

// stairs is the outline of a histogram; the first one of a chart is filled.
type stairs struct {
	lo, step float64
	heights  []float64
	color    color.Color
	filled   bool
}

// Plot draws the outline; it makes stairs a gonum plotter.
func (h stairs) Plot(c draw.Canvas, pl *plot.Plot) {
	tx, ty := pl.Transforms(&c)
	var pts []vg.Point
	for b, n := range h.heights {
		y := ty(max(n, pl.Y.Min))
		pts = append(pts,
			vg.Point{X: tx(h.lo + h.step*float64(b)), Y: y},
			vg.Point{X: tx(h.lo + h.step*float64(b+1)), Y: y})
	}
	if h.filled {
		area := append([]vg.Point{{X: pts[0].X, Y: c.Min.Y}}, pts...)
		area = append(area, vg.Point{X: pts[len(pts)-1].X, Y: c.Min.Y})
		c.FillPolygon(fade(h.color, 0.35), c.ClipPolygonXY(area))
	}
	c.StrokeLines(draw.LineStyle{Color: h.color, Width: 2}, c.ClipLinesXY(pts)...)
}
