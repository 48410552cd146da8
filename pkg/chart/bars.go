package chart

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Bars draws one horizontal bar per label with its value at the end, for example the number of images of each class or
// the probability of each prediction. The bars with the indices in highlight have another colour. Values must not be
// negative. axes.XMax sets the value of a full bar (1 for probabilities); the other limits are ignored.
func Bars(axes Axes, labels []string, values []float64, highlight ...int) (*Figure, error) {
	if err := checkBars(axes, labels, values, highlight); err != nil {
		return nil, err
	}
	b := newBarChart(axes, labels, values, highlight)
	return &Figure{Title: axes.Title, Alt: b.alt(), width: b.width, height: b.height, paint: b.paint}, nil
}

func checkBars(axes Axes, labels []string, values []float64, highlight []int) error {
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
	texts         []string // the values as printed
	highlight     []int
	full          float64 // the value of a full bar
	width, height float64
}

func newBarChart(axes Axes, labels []string, values []float64, highlight []int) barChart {
	b := barChart{axes: axes, labels: slices.Clone(labels), values: slices.Clone(values), highlight: slices.Clone(highlight)}
	b.full = slices.Max(values)
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

func (b barChart) alt() string {
	parts := make([]string, len(b.labels))
	for i, label := range b.labels {
		parts[i] = label + " " + b.texts[i]
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
		w := longest * math.Min(v/b.full, 1)
		p.rect(x, mid-8, w, 16, col)
		p.text(x+w+6, mid, b.texts[i], sty, left)
	}
	if b.axes.XLabel != "" {
		p.text(x, bottom+12, b.axes.XLabel, textStyle(textSize, false, Muted), left)
	}
}
