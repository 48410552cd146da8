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

// Curves draws one or more series as lines on common axes.
func Curves(axes Axes, series ...Series) (*Figure, error) {
	if len(series) == 0 {
		return nil, errors.New("chart: curves: no series: at least one is needed")
	}
	if err := axes.check(); err != nil {
		return nil, err
	}
	w, h := axes.size()
	series = slices.Clone(series)
	var legend []legendEntry
	nextColor := 0
	xmin, xmax, ymin, ymax := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for i := range series {
		s := &series[i]
		if err := s.check(axes); err != nil {
			return nil, err
		}
		if s.Color == nil {
			s.Color = palette[nextColor%len(palette)]
			nextColor++
		}
		xmin, xmax = min(xmin, slices.Min(s.X)), max(xmax, slices.Max(s.X))
		ymin, ymax = min(ymin, slices.Min(s.Y)), max(ymax, slices.Max(s.Y))
		s.X, s.Y, s.BestAt = downsample(s.X, s.Y, s.BestAt, buckets(w))
		if s.Name != "" && !s.Faint {
			legend = append(legend, s.legendEntry())
		}
	}
	if !axes.LogY {
		ymin, ymax = padY(ymin, ymax, series)
	}
	return &Figure{
		Title: axes.Title, Alt: describeCurves(axes, series), width: w, height: h,
		paint: func(p pen) {
			pl := axes.plot(xmin, xmax, ymin, ymax)
			pl.X.Tick.Marker = ticks{integers: integerX(series)}
			for _, s := range series {
				pl.Add(curve(s))
			}
			pl.Draw(axes.frame(p, legend).c)
		},
	}, nil
}

func (s Series) legendEntry() legendEntry {
	e := legendEntry{name: s.Name, color: s.Color, line: true, dot: s.Points}
	if s.Dashed {
		e.dash = dashes
	}
	return e
}

// padY widens the limits of the data a little, and more where the label of a best point needs room. Limits of data
// without negative values do not go below 0.
func padY(ymin, ymax float64, series []Series) (lo, hi float64) {
	pad := 0.06 * (ymax - ymin)
	lo, hi = ymin-pad, ymax+pad
	for _, s := range series {
		if s.Best != "" && curve(s).labelBelow() {
			lo -= 1.5 * pad
		} else if s.Best != "" {
			hi += 1.5 * pad
		}
	}
	if ymin >= 0 && lo < pad {
		lo = 0
	}
	return lo, hi
}

// labelBelow reports whether the label of the best point goes below it, as for the lowest loss.
func (s curve) labelBelow() bool {
	return s.Y[s.BestAt] == slices.Min(s.Y) && s.Y[s.BestAt] < slices.Max(s.Y)
}

// integerX reports whether all X are integers.
func integerX(series []Series) bool {
	for _, s := range series {
		for _, x := range s.X {
			if x != math.Trunc(x) {
				return false
			}
		}
	}
	return true
}

var dashes = []vg.Length{6, 4}

// curve is a checked series that gonum can plot.
type curve Series

// Plot implements gonum's plot.Plotter.
func (s curve) Plot(c draw.Canvas, pl *plot.Plot) {
	tx, ty := pl.Transforms(&c)
	pts := make([]vg.Point, len(s.X))
	for i := range pts {
		pts[i] = vg.Point{X: tx(s.X[i]), Y: ty(s.Y[i])}
	}
	sty := draw.LineStyle{Color: s.Color, Width: 2}
	if s.Faint {
		sty = draw.LineStyle{Color: withOpacity(s.Color, 0.25), Width: 1}
	}
	if s.Dashed {
		sty.Dashes = dashes
	}
	c.StrokeLines(sty, c.ClipLinesXY(pts)...)
	if s.Points || len(pts) == 1 {
		for _, pt := range pts {
			c.DrawGlyph(draw.GlyphStyle{Color: card, Radius: 5, Shape: draw.CircleGlyph{}}, pt)
			c.DrawGlyph(draw.GlyphStyle{Color: s.Color, Radius: 3.5, Shape: draw.CircleGlyph{}}, pt)
		}
	}
	if s.Best != "" && c.Contains(pts[s.BestAt]) {
		s.star(c, pts[s.BestAt])
	}
}

// star marks the best point, with its label above or below it.
func (s curve) star(c draw.Canvas, at vg.Point) {
	for _, layer := range []struct {
		r   float64
		col color.Color
	}{{11, card}, {8, s.Color}} {
		pts := make([]vg.Point, 10)
		for i := range pts {
			r := layer.r
			if i%2 == 1 {
				r *= 0.45
			}
			sin, cos := math.Sincos(math.Pi/2 + float64(i)*math.Pi/5)
			pts[i] = vg.Point{X: at.X + vg.Length(r*cos), Y: at.Y + vg.Length(r*sin)}
		}
		c.FillPolygon(layer.col, pts)
	}
	sty := textStyle(textSize, true, s.Color)
	w := vg.Length(width(s.Best, sty))
	pt := vg.Point{X: min(max(at.X-w/2, c.Min.X), c.Max.X-w), Y: at.Y + 12}
	if s.labelBelow() {
		pt.Y = at.Y - 22
	}
	c.FillText(sty, pt, clean(s.Best))
}

// describeCurves returns the text alternative of a line chart.
func describeCurves(a Axes, series []Series) string {
	var parts []string
	for _, s := range series {
		if s.Faint {
			continue
		}
		text := fmt.Sprintf("%s from %.3g to %.3g", s.Name, s.Y[0], s.Y[len(s.Y)-1])
		if s.Best != "" {
			text += ", " + s.Best
		}
		parts = append(parts, strings.TrimSpace(text))
	}
	head := "Line chart"
	if a.Title != "" {
		head = a.Title
	}
	if a.XLabel != "" {
		head += ", against " + a.XLabel
	}
	return head + ": " + strings.Join(parts, "; ") + "."
}
