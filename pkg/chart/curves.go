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

// Series is one line of a chart: Y against X.
type Series struct {
	Name string
	X, Y []float64 // X may be nil: then it counts 0, 1, 2, …

	Color  color.Color // nil takes the next one of the palette: Blue, Vermillion, Green, …
	Points bool        // a dot at each point as well as the line
	Dashed bool
	Faint  bool // thin and pale, for what stands behind another series; not in the legend

	// Best marks one point with a star and this text, for example "best 0.7258".
	Best   string
	BestAt int // the index of that point
}

// check says what is wrong with a series, and completes its X.
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
		return fmt.Errorf("chart: series %q has %d values of X and %d of Y: want as many", s.Name, len(s.X), len(s.Y))
	}
	for i := range s.X {
		if !(math.Abs(s.X[i]) <= limit && math.Abs(s.Y[i]) <= limit) {
			return fmt.Errorf("chart: series %q, point %d: (%g, %g) cannot be drawn: want numbers between -1e15 and 1e15", s.Name, i, s.X[i], s.Y[i])
		}
		if a.LogY && s.Y[i] <= 0 {
			return fmt.Errorf("chart: series %q, point %d: %g has no place on a logarithmic axis: want more than 0", s.Name, i, s.Y[i])
		}
	}
	if s.Best != "" && (s.BestAt < 0 || s.BestAt >= len(s.Y)) {
		return fmt.Errorf("chart: series %q: best point %d of %d", s.Name, s.BestAt, len(s.Y))
	}
	return nil
}

// Curves draws one or more series as lines over common axes.
func Curves(axes Axes, series ...Series) (*Figure, error) {
	if len(series) == 0 {
		return nil, errors.New("chart: curves without a series: want at least one")
	}
	if err := axes.check(); err != nil {
		return nil, err
	}
	series = slices.Clone(series)
	var keys []key
	next := 0
	xmin, xmax, ymin, ymax := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for i := range series {
		s := &series[i]
		if err := s.check(axes); err != nil {
			return nil, err
		}
		if s.Color == nil {
			s.Color = palette[next%len(palette)]
			next++
		}
		xmin, xmax = min(xmin, slices.Min(s.X)), max(xmax, slices.Max(s.X))
		ymin, ymax = min(ymin, slices.Min(s.Y)), max(ymax, slices.Max(s.Y))
		s.X, s.Y, s.BestAt = thin(s.X, s.Y, s.BestAt)
		if s.Name != "" && !s.Faint {
			k := key{name: s.Name, color: s.Color, line: true, dot: s.Points}
			if s.Dashed {
				k.dash = dashes
			}
			keys = append(keys, k)
		}
	}
	if !axes.LogY {
		ymin, ymax = air(ymin, ymax, series)
	}
	w, h := axes.size()
	return &Figure{
		Title: axes.Title, Alt: describe(axes, series), width: w, height: h,
		paint: func(p pen) {
			pl := axes.plot(xmin, xmax, ymin, ymax)
			pl.X.Tick.Marker = ticks{whole: whole(series)}
			for _, s := range series {
				pl.Add(s)
			}
			pl.Draw(axes.panel(p, keys).c)
		},
	}, nil
}

// air widens the limits a little, not past a zero that the data does not pass, and more where a label needs room.
func air(ymin, ymax float64, series []Series) (lo, hi float64) {
	pad := 0.06 * (ymax - ymin)
	lo, hi = ymin-pad, ymax+pad
	for _, s := range series {
		if s.Best != "" && s.below() {
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

// below says whether the label of the best point stands below it, as for the lowest loss.
func (s Series) below() bool {
	return s.Y[s.BestAt] == slices.Min(s.Y) && s.Y[s.BestAt] < slices.Max(s.Y)
}

// whole says whether all X are whole numbers.
func whole(series []Series) bool {
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

// Plot draws the series; it makes Series a gonum plotter.
func (s Series) Plot(c draw.Canvas, pl *plot.Plot) {
	tx, ty := pl.Transforms(&c)
	pts := make([]vg.Point, len(s.X))
	for i := range pts {
		pts[i] = vg.Point{X: tx(s.X[i]), Y: ty(s.Y[i])}
	}
	sty := draw.LineStyle{Color: s.Color, Width: 2}
	if s.Faint {
		sty = draw.LineStyle{Color: fade(s.Color, 0.25), Width: 1}
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

// star marks the best point, with its label above it or below.
func (s Series) star(c draw.Canvas, at vg.Point) {
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
	sty := style(textSize, true, s.Color)
	w := vg.Length(width(s.Best, sty))
	pt := vg.Point{X: min(max(at.X-w/2, c.Min.X), c.Max.X-w), Y: at.Y + 12}
	if s.below() {
		pt.Y = at.Y - 22
	}
	c.FillText(sty, pt, clean(s.Best))
}

// describe puts a chart of series into words.
func describe(a Axes, series []Series) string {
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
