package chart

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Axes are the words around a chart and the limits of its axes. All of it may be left out.
type Axes struct {
	Title, XLabel, YLabel string

	// Limits; nil takes them from the data. new(0.0) gives a pointer to a number.
	XMin, XMax, YMin, YMax *float64

	LogY bool // a logarithmic vertical axis: each step upwards multiplies

	Width, Height float64 // of the figure in CSS pixels; 0 gives the usual size
}

// size gives the size of the figure.
func (a Axes) size() (w, h float64) {
	w, h = a.Width, a.Height
	if w <= 0 {
		w = panelWidth
	}
	if h <= 0 {
		h = panelHeight
	}
	return w, h
}

// limit is the largest number that a chart shows.
const limit = 1e15

// check says what is wrong with the limits.
func (a Axes) check() error {
	for _, l := range []struct {
		name string
		v    *float64
	}{{"XMin", a.XMin}, {"XMax", a.XMax}, {"YMin", a.YMin}, {"YMax", a.YMax}} {
		if l.v != nil && !(math.Abs(*l.v) <= limit) {
			return fmt.Errorf("chart: %s is %g: want a number between -1e15 and 1e15", l.name, *l.v)
		}
	}
	for _, l := range []struct {
		name     string
		min, max *float64
	}{{"X", a.XMin, a.XMax}, {"Y", a.YMin, a.YMax}} {
		if l.min != nil && l.max != nil && *l.min >= *l.max {
			return fmt.Errorf("chart: %sMin is %g and %sMax is %g: want the smaller one first", l.name, *l.min, l.name, *l.max)
		}
	}
	for _, v := range []*float64{a.YMin, a.YMax} {
		if a.LogY && v != nil && *v <= 0 {
			return fmt.Errorf("chart: limit %g on a logarithmic axis: want more than 0", *v)
		}
	}
	if !(a.Width >= 0 && a.Width <= 4000 && a.Height >= 0 && a.Height <= 4000) {
		return fmt.Errorf("chart: figure of %g by %g pixels: want at most 4000 each way", a.Width, a.Height)
	}
	return nil
}

// key is one entry of the legend.
type key struct {
	name  string
	color color.Color
	line  bool
	dot   bool
	dash  []vg.Length
}

// panel draws the card, the title and the legend, and gives the pen for the space that is left.
func (a Axes) panel(p pen, keys []key) pen {
	w, h := float64(p.c.Size().X), float64(p.c.Size().Y)
	p.card()
	y := float64(margin)
	if a.Title != "" {
		sty := style(titleSize, true, ink)
		p.text(margin, y+8, fit(a.Title, sty, w-2*margin), sty, left)
		y += 26
	}
	if len(keys) > 0 {
		x, sty := float64(margin), style(textSize, false, ink)
		for _, k := range keys {
			name := fit(k.name, sty, w-2*margin-26)
			if need := 26 + width(name, sty); x > margin && x+need > w-margin {
				x, y = margin, y+20
			}
			if k.line {
				p.c.StrokeLines(draw.LineStyle{Color: k.color, Width: 2.5, Dashes: k.dash},
					[]vg.Point{p.at(x, y+7), p.at(x+18, y+7)})
			} else if !k.dot {
				p.rect(x+3, y+1, 12, 12, k.color)
			}
			if k.dot {
				p.dot(x+9, y+7, 4, k.color)
			}
			p.text(x+24, y+7, name, sty, left)
			x += 26 + width(name, sty) + 16
		}
		y += 24
	}
	return p.part(margin, y, w-2*margin, h-y-margin+4)
}

func (p pen) dot(x, y, r float64, c color.Color) {
	p.c.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: vg.Length(r), Shape: draw.CircleGlyph{}}, p.at(x, y))
}

// plot gives a gonum plot in the style of this package, with the limits of the data widened to those of the axes.
func (a Axes) plot(xmin, xmax, ymin, ymax float64) *plot.Plot {
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.X.Label.Text, pl.Y.Label.Text = clean(a.XLabel), clean(a.YLabel)
	pl.X.Min, pl.X.Max = span(xmin, xmax, a.XMin, a.XMax)
	pl.Y.Min, pl.Y.Max = span(ymin, ymax, a.YMin, a.YMax)
	pl.X.Tick.Marker, pl.Y.Tick.Marker = ticks{}, ticks{}
	if a.LogY {
		pl.Y.Scale, pl.Y.Tick.Marker = plot.LogScale{}, logTicks{}
		if pl.Y.Min <= 0 {
			pl.Y.Min = pl.Y.Max / 10
		}
	}
	for _, ax := range []*plot.Axis{&pl.X, &pl.Y} {
		ax.Label.TextStyle.Font = style(textSize, false, muted).Font
		ax.Label.TextStyle.Color = muted
		ax.Label.Padding = 4
		ax.Tick.Label.Font = style(textSize, false, muted).Font
		ax.Tick.Label.Color = muted
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

// span gives the limits of an axis: those set, else those of the data, never empty.
func span(lo, hi float64, setLo, setHi *float64) (float64, float64) {
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

// ticks put a mark at round numbers, some five or six of them. (gonum's own sometimes leave two.)
type ticks struct {
	whole bool // at whole numbers only: steps, epochs
}

func (t ticks) Ticks(lo, hi float64) []plot.Tick {
	step := roundUp((hi - lo) / 6)
	if t.whole {
		step = max(1, step)
	}
	var out []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi+1e-9*step && len(out) < 20; i++ {
		v := i*step + 0 // which makes −0 a 0
		label := number(v, max(0, -exponent(step)))
		if step < 1e-5 || step >= 1e7 {
			label = strconv.FormatFloat(v, 'g', 4, 64)
		}
		out = append(out, plot.Tick{Value: v, Label: label})
	}
	return out
}

// exponent is the power of ten of v: 2 for 500, -1 for 0.2.
func exponent(v float64) int { return int(math.Floor(math.Log10(v) + 1e-9)) }

// roundUp gives the next number of 1, 2, 5, 10, 20, 50, …, also downwards from 1.
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

// logTicks label the powers of ten, and 2 and 5 times them where there are few.
type logTicks struct{}

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
	return out
}
