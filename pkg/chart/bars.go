package chart

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Bars draws one horizontal bar for each label, with its value at the end: how many images a class has, or how likely
// the network finds each class. The bars of highlight, counted from 0, stand out in colour: for example the true
// class. Values may not be negative; XMax of the axes sets the length of a full bar (1 for probabilities).
func Bars(axes Axes, labels []string, values []float64, highlight ...int) (*Figure, error) {
	if err := axes.check(); err != nil {
		return nil, err
	}
	if len(labels) == 0 {
		return nil, errors.New("chart: bars: there are none: want at least one")
	}
	if len(labels) != len(values) {
		return nil, fmt.Errorf("chart: bars: %d labels for %d values: want as many", len(labels), len(values))
	}
	for i, v := range values {
		if !(v >= 0 && v <= limit) {
			return nil, fmt.Errorf("chart: bars: value %d (%s) is %g: want a number from 0 to 1e15", i, labels[i], v)
		}
	}
	for _, i := range highlight {
		if i < 0 || i >= len(values) {
			return nil, fmt.Errorf("chart: bars: highlight %d: want 0 to %d", i, len(values)-1)
		}
	}
	labels, values, highlight = slices.Clone(labels), slices.Clone(values), slices.Clone(highlight)
	full := slices.Max(values)
	if axes.XMax != nil {
		full = *axes.XMax
	}
	if full <= 0 {
		full = 1
	}
	const row = 26
	extra := 2.0 * margin
	if axes.Title != "" {
		extra += 28
	}
	if axes.XLabel != "" {
		extra += 22
	}
	f := &Figure{Title: axes.Title, width: panelWidth, height: extra + row*float64(len(values))}
	if axes.Width > 0 {
		f.width = axes.Width
	}
	texts, alts := make([]string, len(values)), make([]string, len(values))
	d := digits(values...)
	for i, v := range values {
		texts[i] = number(v, d)
		if v > 0 && v < 0.5*math.Pow10(-d) {
			texts[i] = "< " + number(math.Pow10(-d), d)
		}
		alts[i] = labels[i] + " " + texts[i]
	}
	f.Alt = strings.TrimPrefix(axes.Title+": "+strings.Join(alts, ", ")+".", ": ")
	f.paint = func(p pen) {
		p.card()
		y := float64(margin)
		if axes.Title != "" {
			sty := style(titleSize, true, ink)
			p.text(margin, y+8, fit(axes.Title, sty, f.width-2*margin), sty, left)
			y += 28
		}
		plain := style(textSize, false, ink)
		names, tails := 0.0, 0.0
		for i := range labels {
			sty := style(textSize, slices.Contains(highlight, i), ink)
			names, tails = max(names, width(labels[i], sty)), max(tails, width(texts[i], sty))
		}
		names = min(names, f.width*0.4)
		x := margin + names + 10
		long := f.width - margin - tails - 10 - x
		p.lines(line, 1, x, y, x, y+row*float64(len(values)))
		for i, v := range values {
			mid := y + row*(float64(i)+0.5)
			sty, col := plain, Blue
			if slices.Contains(highlight, i) {
				sty, col = style(textSize, true, Vermillion), Vermillion
			}
			p.text(x-8, mid, fit(labels[i], sty, names), sty, right)
			w := long * math.Min(v/full, 1)
			p.rect(x, mid-8, w, 16, col)
			p.text(x+w+6, mid, texts[i], sty, left)
		}
		if axes.XLabel != "" {
			p.text(x, y+row*float64(len(values))+12, axes.XLabel, style(textSize, false, muted), left)
		}
	}
	return f, nil
}
