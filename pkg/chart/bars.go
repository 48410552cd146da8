package chart

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"
)

// Bars draws one horizontal bar per label with its value at the end, for example the number of images of each class or
// the probability of each prediction. The bars with the indices in highlight have another colour. Values must not be
// negative. axes.XMax sets the value of a full bar (1 for probabilities); the other limits are ignored.
func Bars(axes Axes, labels []string, values []float64, highlight ...int) (*Figure, error) {
	return BarsWithErrors(axes, labels, values, nil, highlight...)
}

// BarsWithErrors draws bars with error bars: at the end of bar i a line from values[i]-errs[i] to values[i]+errs[i], for
// example one standard error to either side. The figure does not say what an error is; the caption or the text must. Nil
// errs draw none.
func BarsWithErrors(axes Axes, labels []string, values, errs []float64, highlight ...int) (*Figure, error) {
	if err := checkBars(axes, labels, values, errs, highlight); err != nil {
		return nil, err
	}
	b := newBarChart(axes, labels, values, errs, highlight)
	return &Figure{Title: axes.Title, Alt: b.alt(), width: b.width, height: b.height, paint: b.paint}, nil
}

func checkBars(axes Axes, labels []string, values, errs []float64, highlight []int) error {
	if err := axes.check(); err != nil {
		return err
	}
	if len(labels) == 0 {
		return errors.New("chart: bars: no labels: at least one is needed")
	}
	if len(labels) != len(values) {
		return fmt.Errorf("chart: bars: len(labels)=%d, len(values)=%d: lengths must be equal", len(labels), len(values))
	}
	for i, v := range values {
		if !(v >= 0 && v <= maxValue) {
			return fmt.Errorf("chart: bars: value %d (%s) is %g: must be from 0 to 1e15", i, labels[i], v)
		}
	}
	if errs != nil && len(errs) != len(values) {
		return fmt.Errorf("chart: bars: len(errs)=%d, len(values)=%d: lengths must be equal, or no errs", len(errs), len(values))
	}
	for i, e := range errs {
		if !(e >= 0 && e <= maxValue) {
			return fmt.Errorf("chart: bars: error %d (of %s) is %g: must be from 0 to 1e15", i, labels[i], e)
		}
	}
	for _, i := range highlight {
		if i < 0 || i >= len(values) {
			return fmt.Errorf("chart: bars: highlight %d: must be from 0 to %d", i, len(values)-1)
		}
	}
	return nil
}

const barRow = 26 // the height of a bar with its spacing

// barChart is a checked bar chart.
type barChart struct {
	axes          Axes
	labels        []string
	values        []float64
	errs          []float64 // half the length of each error bar; nil for none
	texts         []string  // the values as printed
	highlight     []int
	full          float64 // the value of a full bar
	width, height float64
}

func newBarChart(axes Axes, labels []string, values, errs []float64, highlight []int) barChart {
	b := barChart{axes: axes, labels: slices.Clone(labels), values: slices.Clone(values), errs: slices.Clone(errs), highlight: slices.Clone(highlight)}
	for i, v := range values {
		b.full = max(b.full, v+b.err(i))
	}
	if axes.XMax != nil {
		b.full = *axes.XMax
	}
	if b.full <= 0 {
		b.full = 1
	}
	decimals := digits(values...)
	for _, v := range values {
		text := number(v, decimals)
		if smallest := math.Pow10(-decimals); v > 0 && v < 0.5*smallest {
			text = "< " + number(smallest, decimals)
		}
		b.texts = append(b.texts, text)
	}
	b.width, b.height = defaultWidth, 2.0*margin+barRow*float64(len(values))
	if axes.Width > 0 {
		b.width = axes.Width
	}
	if axes.Title != "" {
		b.height += 28
	}
	if axes.XLabel != "" {
		b.height += 22
	}
	return b
}

// err returns half the length of error bar i, 0 if there are none.
func (b barChart) err(i int) float64 {
	if b.errs == nil {
		return 0
	}
	return b.errs[i]
}

func (b barChart) alt() string {
	parts := make([]string, len(b.labels))
	decimals := digits(b.values...)
	for i, label := range b.labels {
		parts[i] = label + " " + b.texts[i]
		if b.errs != nil {
			parts[i] += " ± " + number(b.errs[i], decimals)
		}
	}
	return strings.TrimPrefix(b.axes.Title+": "+strings.Join(parts, ", ")+".", ": ")
}

func (b barChart) paint(p pen) {
	p.card()
	y := float64(margin)
	if b.axes.Title != "" {
		p.title(b.axes.Title, b.width)
		y += 28
	}
	labelWidth, valueWidth := 0.0, 0.0
	for i := range b.labels {
		sty := textStyle(textSize, slices.Contains(b.highlight, i), Ink)
		labelWidth, valueWidth = max(labelWidth, width(b.labels[i], sty)), max(valueWidth, width(b.texts[i], sty))
	}
	labelWidth = min(labelWidth, b.width*0.4)
	x, bottom := margin+labelWidth+10, y+barRow*float64(len(b.values))
	longest := b.width - margin - valueWidth - 10 - x
	p.polyline(line, 1, x, y, x, bottom)
	for i, v := range b.values {
		mid := y + barRow*(float64(i)+0.5)
		sty, col := textStyle(textSize, false, Ink), Blue
		if slices.Contains(b.highlight, i) {
			sty, col = textStyle(textSize, true, Vermillion), Vermillion
		}
		p.text(x-8, mid, fit(b.labels[i], sty, labelWidth), sty, right)
		length := func(v float64) float64 { return longest * min(max(v/b.full, 0), 1) }
		w := length(v)
		p.rect(x, mid-8, w, 16, col)
		if b.errs != nil {
			from, to := x+length(v-b.errs[i]), x+length(v+b.errs[i])
			p.errorBar(from, to, mid)
			w = to - x
		}
		p.text(x+w+6, mid, b.texts[i], sty, left)
	}
	if b.axes.XLabel != "" {
		p.text(x, bottom+12, b.axes.XLabel, textStyle(textSize, false, Muted), left)
	}
}

// errorBar draws a horizontal line with caps. A rim in the card's colour separates it from the bar below it.
func (p pen) errorBar(from, to, y float64) {
	const half = 5 // of a cap
	for _, layer := range []struct {
		col        color.Color
		width, rim float64
	}{{card, 3.5, 1}, {Ink, 1.5, 0}} {
		p.polyline(layer.col, layer.width, from, y, to, y)
		p.polyline(layer.col, layer.width, from, y-half-layer.rim, from, y+half+layer.rim)
		p.polyline(layer.col, layer.width, to, y-half-layer.rim, to, y+half+layer.rim)
	}
}
