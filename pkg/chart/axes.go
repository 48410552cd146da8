package chart

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Axes holds the title, labels and limits of a chart. The zero value is valid.
type Axes struct {
	Title, XLabel, YLabel string

	// Limits; nil takes them from the data. Write new(0.0) for a pointer to 0.
	XMin, XMax, YMin, YMax *float64

	LogY bool // logarithmic vertical axis

	Width, Height float64 // of the figure in CSS pixels; 0 means the default
}

// size returns the size of the figure in CSS pixels.
func (a Axes) size() (w, h float64) {
	w, h = a.Width, a.Height
	if w <= 0 {
		w = defaultWidth
	}
	if h <= 0 {
		h = defaultHeight
	}
	return w, h
}

// maxValue is the largest absolute value that a chart can show.
const maxValue = 1e15

// check returns an error if the limits or the size cannot be drawn.
func (a Axes) check() error {
	for _, l := range []struct {
		name string
		v    *float64
	}{{"XMin", a.XMin}, {"XMax", a.XMax}, {"YMin", a.YMin}, {"YMax", a.YMax}} {
		if l.v != nil && !(math.Abs(*l.v) <= maxValue) {
			return fmt.Errorf("chart: %s is %g: must be between -1e15 and 1e15", l.name, *l.v)
		}
	}
	for _, l := range []struct {
		name     string
		min, max *float64
	}{{"X", a.XMin, a.XMax}, {"Y", a.YMin, a.YMax}} {
		if l.min != nil && l.max != nil && *l.min >= *l.max {
			return fmt.Errorf("chart: %sMin is %g and %sMax is %g: the minimum must be smaller", l.name, *l.min, l.name, *l.max)
		}
	}
	for _, v := range []*float64{a.YMin, a.YMax} {
		if a.LogY && v != nil && *v <= 0 {
			return fmt.Errorf("chart: limit %g on a logarithmic axis: must be positive", *v)
		}
	}
	if !(a.Width >= 0 && a.Width <= 4000 && a.Height >= 0 && a.Height <= 4000) {
		return fmt.Errorf("chart: figure of %g by %g pixels: width and height must be from 0 to 4000", a.Width, a.Height)
	}
	return nil
}

// legendEntry is one entry of the legend: a line, a dot, both, or else a square.
type legendEntry struct {
	name  string
	color color.Color
	line  bool
	dot   bool
	dash  []vg.Length
}

// frame draws the card, the title and the legend, and returns a pen for the remaining area.
func (a Axes) frame(p pen, legend []legendEntry) pen {
	w, h := float64(p.c.Size().X), float64(p.c.Size().Y)
	p.card()
	y := float64(margin)
	if a.Title != "" {
		p.title(a.Title, w)
		y += 26
	}
	if len(legend) > 0 {
		y = p.legend(legend, y, w)
	}
	return p.inset(margin, y, w-2*margin, h-y-margin+4)
}

// legend draws the legend from y downwards in a figure of width w, and returns the y below it.
func (p pen) legend(legend []legendEntry, y, w float64) float64 {
	x, sty := float64(margin), textStyle(textSize, false, Ink)
	for _, e := range legend {
		name := fit(e.name, sty, w-2*margin-26)
		if need := 26 + width(name, sty); x > margin && x+need > w-margin {
			x, y = margin, y+20
		}
		if e.line {
			p.c.StrokeLines(draw.LineStyle{Color: e.color, Width: 2.5, Dashes: e.dash},
				[]vg.Point{p.at(x, y+7), p.at(x+18, y+7)})
		} else if !e.dot {
			p.rect(x+3, y+1, 12, 12, e.color)
		}
		if e.dot {
			p.dot(x+9, y+7, 4, e.color)
		}
		p.text(x+24, y+7, name, sty, left)
		x += 26 + width(name, sty) + 16
	}
	return y + 24
}

// plot returns an empty gonum plot in this package's style. The given limits of the data apply where the axes set none.
func (a Axes) plot(xmin, xmax, ymin, ymax float64) *plot.Plot {
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.X.Label.Text, pl.Y.Label.Text = clean(a.XLabel), clean(a.YLabel)
	pl.X.Min, pl.X.Max = axisRange(xmin, xmax, a.XMin, a.XMax)
	pl.Y.Min, pl.Y.Max = axisRange(ymin, ymax, a.YMin, a.YMax)
	pl.X.Tick.Marker, pl.Y.Tick.Marker = ticks{}, ticks{}
	if a.LogY {
		pl.Y.Scale, pl.Y.Tick.Marker = plot.LogScale{}, logTicks{}
		if pl.Y.Min <= 0 {
			pl.Y.Min = pl.Y.Max / 10
		}
	}
	for _, ax := range []*plot.Axis{&pl.X, &pl.Y} {
		ax.Label.TextStyle.Font = textStyle(textSize, false, Muted).Font
		ax.Label.TextStyle.Color = Muted
		ax.Label.Padding = 4
		ax.Tick.Label.Font = textStyle(textSize, false, Muted).Font
		ax.Tick.Label.Color = Muted
		ax.Tick.Color = line
		ax.Tick.Length = 4
		ax.Color, ax.Width = line, 1
		ax.Padding = 0
	}
	pl.Y.Width, pl.Y.Tick.Length = 0, 0
	pl.Y.Padding = 4
	g := plotter.NewGrid()
	g.Vertical.Width = 0
	g.Horizontal = draw.LineStyle{Color: grid, Width: 1}
	pl.Add(g)
	return pl
}

// axisRange returns the limits of an axis: those set, otherwise those of the data. The range is never empty.
func axisRange(lo, hi float64, setLo, setHi *float64) (float64, float64) {
	if setLo != nil {
		lo = *setLo
	}
	if setHi != nil {
		hi = *setHi
	}
	if hi-lo > 1e-9*math.Abs(hi) {
		return lo, hi
	}
	pad := math.Abs(hi) / 10
	if pad == 0 {
		pad = 1
	}
	switch {
	case setLo == nil && setHi == nil:
		lo, hi = lo-pad, hi+pad
	case setHi == nil:
		hi = lo + pad
	default:
		lo = hi - pad
	}
	return lo, hi
}
