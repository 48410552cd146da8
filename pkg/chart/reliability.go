package chart

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bin is one column of a reliability diagram: the examples for which the network was about equally sure.
type Bin struct {
	Confidence float64 // the mean probability that the network gave its answers, from 0 to 1
	Accuracy   float64 // the share of its answers that were right
	Count      int     // how many examples
}

// Calibration sorts predictions into n equally wide bins of confidence, the probability that the network gave its own
// answer. Bins without an example have a Count of 0.
func Calibration(confidence []float64, right []bool, n int) ([]Bin, error) {
	if len(confidence) != len(right) {
		return nil, fmt.Errorf("chart: calibration: %d confidences for %d answers: want as many", len(confidence), len(right))
	}
	if n < 1 || n > 100 {
		return nil, fmt.Errorf("chart: calibration in %d bins: want 1 to 100", n)
	}
	bins := make([]Bin, n)
	for i, c := range confidence {
		if !(c >= 0 && c <= 1+1e-6) { // a softmax in float32 may end just above 1
			return nil, fmt.Errorf("chart: calibration: confidence %d is %g: want a probability from 0 to 1", i, c)
		}
		b := &bins[min(int(c*float64(n)), n-1)]
		b.Count++
		b.Confidence += min(c, 1)
		if right[i] {
			b.Accuracy++
		}
	}
	for i := range bins {
		if b := &bins[i]; b.Count > 0 {
			b.Confidence /= float64(b.Count)
			b.Accuracy /= float64(b.Count)
		}
	}
	return bins, nil
}

// ECE is the expected calibration error: how far confidence and accuracy lie apart, on average over the examples. A
// network of which 70 % of the answers are right, when it says that it is 70 % sure, has an ECE of 0.
func ECE(bins []Bin) float64 {
	gap, total := 0.0, 0
	for _, b := range bins {
		gap += float64(b.Count) * math.Abs(b.Confidence-b.Accuracy)
		total += b.Count
	}
	if total == 0 {
		return 0
	}
	return gap / float64(total)
}

// Reliability draws how far a network's confidence can be believed: for each bin of [Calibration] a bar as high as its
// accuracy and, in orange, the gap to its confidence. On the dashed line both are equal. Below the line the network is
// too sure. The small bars at the foot say how many examples each bin has.
func Reliability(title string, bins []Bin) (*Figure, error) {
	total := 0
	for i, b := range bins {
		if b.Count < 0 || !(b.Confidence >= 0 && b.Confidence <= 1) || !(b.Accuracy >= 0 && b.Accuracy <= 1) {
			return nil, fmt.Errorf("chart: reliability: bin %d has confidence %g, accuracy %g, %d examples: want two numbers from 0 to 1 and a count", i, b.Confidence, b.Accuracy, b.Count)
		}
		total += b.Count
	}
	if total == 0 {
		return nil, errors.New("chart: reliability: no bin has an example")
	}
	bins = slices.Clone(bins)
	if title == "" {
		title = "How far can its confidence be believed?"
	}
	axes := Axes{Title: title, XLabel: "confidence of the network", YLabel: "share of right answers",
		XMin: new(0.0), XMax: new(1.0), YMin: new(0.0), YMax: new(1.0), Width: 460, Height: 440}
	keys := []key{
		{name: "accuracy", color: Blue},
		{name: fmt.Sprintf("gap to confidence (mean, ECE: %.3f)", ECE(bins)), color: fade(Vermillion, 0.55)},
	}
	var sure, hit float64
	for _, b := range bins {
		sure += b.Confidence * float64(b.Count) / float64(total)
		hit += b.Accuracy * float64(b.Count) / float64(total)
	}
	return &Figure{
		Title: title, width: axes.Width, height: axes.Height,
		Alt: fmt.Sprintf("Reliability diagram of %s predictions: mean confidence %.3f, accuracy %.3f, expected calibration error %.3f.", number(float64(total), 0), sure, hit, ECE(bins)),
		paint: func(p pen) {
			pl := axes.plot(0, 1, 0, 1)
			pl.X.Padding, pl.Y.Padding = 0, 0
			pl.Add(columns(bins))
			inner := axes.panel(p, keys)
			size := inner.c.Size()
			foot := 46.0
			pl.Draw(inner.part(0, 0, float64(size.X), float64(size.Y)-foot).c)
			data := pl.DataCanvas(inner.part(0, 0, float64(size.X), float64(size.Y)-foot).c)
			counts(inner, data, bins, total, float64(size.Y)-foot+12)
		},
	}, nil
}

// columns are the bins as a gonum plotter.
type columns []Bin

// Plot draws the bars, the gaps and the diagonal.
func (bins columns) Plot(c draw.Canvas, pl *plot.Plot) {
	tx, ty := pl.Transforms(&c)
	step := 1 / float64(len(bins))
	box := func(i int, from, to float64) []vg.Point {
		x0, x1 := tx(step*float64(i))+1, tx(step*float64(i+1))-1
		return []vg.Point{{X: x0, Y: ty(from)}, {X: x1, Y: ty(from)}, {X: x1, Y: ty(to)}, {X: x0, Y: ty(to)}}
	}
	for i, b := range bins {
		if b.Count > 0 {
			c.FillPolygon(Blue, box(i, 0, b.Accuracy))
			c.FillPolygon(fade(Vermillion, 0.55), box(i, b.Accuracy, b.Confidence))
		}
	}
	c.StrokeLines(draw.LineStyle{Color: ink, Width: 1.5, Dashes: dashes}, []vg.Point{{X: tx(0), Y: ty(0)}, {X: tx(1), Y: ty(1)}})
}

// counts draws the small bars below the plot, as wide as the plot's data area.
func counts(p pen, data draw.Canvas, bins []Bin, total int, y float64) {
	most := 0
	for _, b := range bins {
		most = max(most, b.Count)
	}
	x0, step := float64(data.Min.X-p.c.Min.X), float64(data.Max.X-data.Min.X)/float64(len(bins))
	small := style(10, false, muted)
	p.text(x0-4, y+24, "examples", small, right)
	for i, b := range bins {
		h := 18 * float64(b.Count) / float64(most)
		p.rect(x0+step*float64(i)+1, y+30-h, step-2, h, line)
		if text := number(float64(b.Count), 0); b.Count > 0 && width(text, small) < step {
			p.text(x0+step*(float64(i)+0.5), y+30-h-7, text, small, centre)
		}
	}
}
