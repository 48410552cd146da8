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

// Bin is one bar of a reliability diagram: the predictions with similar confidence.
type Bin struct {
	Confidence float64 // the mean probability of the predicted classes, from 0 to 1
	Accuracy   float64 // the share of correct predictions, from 0 to 1
	Count      int     // the number of predictions
}

// Calibration groups predictions into n equally wide bins of confidence, the probability of the predicted class. Empty
// bins have a Count of 0.
func Calibration(confidence []float64, correct []bool, n int) ([]Bin, error) {
	if len(confidence) != len(correct) {
		return nil, fmt.Errorf("chart: calibration: len(confidence)=%d, len(correct)=%d: lengths must be equal", len(confidence), len(correct))
	}
	if n < 1 || n > 100 {
		return nil, fmt.Errorf("chart: calibration in %d bins: must be from 1 to 100", n)
	}
	bins := make([]Bin, n)
	for i, c := range confidence {
		if !(c >= 0 && c <= 1+1e-6) { // float32 softmax may round to just above 1
			return nil, fmt.Errorf("chart: calibration: confidence %d is %g: must be from 0 to 1", i, c)
		}
		b := &bins[min(int(c*float64(n)), n-1)]
		b.Count++
		b.Confidence += min(c, 1)
		if correct[i] {
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

// ECE returns the expected calibration error (Guo et al. 2017): the mean over all predictions of the absolute difference
// between their bin's confidence and accuracy. It is 0 if, for example, 70 % of the predictions made with a confidence of
// 70 % are correct.
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

// Reliability draws a reliability diagram: for each bin of [Calibration] a bar as high as its accuracy and, in orange,
// the gap to its confidence. On the dashed line both are equal; below it the network is overconfident. The small bars at
// the bottom show the number of predictions in each bin.
func Reliability(title string, bins []Bin) (*Figure, error) {
	total := 0
	for i, b := range bins {
		if b.Count < 0 || !(b.Confidence >= 0 && b.Confidence <= 1) || !(b.Accuracy >= 0 && b.Accuracy <= 1) {
			return nil, fmt.Errorf("chart: reliability: bin %d has confidence %g, accuracy %g, count %d: the first two must be from 0 to 1, the count not negative", i, b.Confidence, b.Accuracy, b.Count)
		}
		total += b.Count
	}
	if total == 0 {
		return nil, errors.New("chart: reliability: all bins are empty")
	}
	bins = slices.Clone(bins)
	if title == "" {
		title = "How far can its confidence be believed?"
	}
	axes := Axes{Title: title, XLabel: "confidence of the network", YLabel: "share of right answers",
		XMin: new(0.0), XMax: new(1.0), YMin: new(0.0), YMax: new(1.0), Width: 460, Height: 440}
	legend := []legendEntry{
		{name: "accuracy", color: Blue},
		{name: fmt.Sprintf("gap to confidence (mean, ECE: %.3f)", ECE(bins)), color: withOpacity(Vermillion, 0.55)},
	}
	var confidence, accuracy float64
	for _, b := range bins {
		confidence += b.Confidence * float64(b.Count) / float64(total)
		accuracy += b.Accuracy * float64(b.Count) / float64(total)
	}
	return &Figure{
		Title: title, width: axes.Width, height: axes.Height,
		Alt: fmt.Sprintf("Reliability diagram of %s predictions: mean confidence %.3f, accuracy %.3f, expected calibration error %.3f.", Count(total), confidence, accuracy, ECE(bins)),
		paint: func(p pen) {
			pl := axes.plot(0, 1, 0, 1)
			pl.X.Padding, pl.Y.Padding = 0, 0
			pl.Add(reliabilityBars(bins))
			inner := axes.frame(p, legend)
			w, h := float64(inner.c.Size().X), float64(inner.c.Size().Y)-46 // without the counts at the bottom
			upper := inner.inset(0, 0, w, h)
			pl.Draw(upper.c)
			paintCounts(inner, pl.DataCanvas(upper.c), bins, h+12)
		},
	}, nil
}

// reliabilityBars are the bars, gaps and diagonal of a reliability diagram.
type reliabilityBars []Bin

// Plot implements gonum's plot.Plotter.
func (bins reliabilityBars) Plot(c draw.Canvas, pl *plot.Plot) {
	tx, ty := pl.Transforms(&c)
	step := 1 / float64(len(bins))
	box := func(i int, from, to float64) []vg.Point {
		x0, x1 := tx(step*float64(i))+1, tx(step*float64(i+1))-1
		return []vg.Point{{X: x0, Y: ty(from)}, {X: x1, Y: ty(from)}, {X: x1, Y: ty(to)}, {X: x0, Y: ty(to)}}
	}
	for i, b := range bins {
		if b.Count > 0 {
			c.FillPolygon(Blue, box(i, 0, b.Accuracy))
			c.FillPolygon(withOpacity(Vermillion, 0.55), box(i, b.Accuracy, b.Confidence))
		}
	}
	c.StrokeLines(draw.LineStyle{Color: Ink, Width: 1.5, Dashes: dashes}, []vg.Point{{X: tx(0), Y: ty(0)}, {X: tx(1), Y: ty(1)}})
}

// paintCounts draws the small bars below the plot, as wide as its data area.
func paintCounts(p pen, data draw.Canvas, bins []Bin, y float64) {
	most := 0
	for _, b := range bins {
		most = max(most, b.Count)
	}
	x0, step := float64(data.Min.X-p.c.Min.X), float64(data.Max.X-data.Min.X)/float64(len(bins))
	small := textStyle(10, false, Muted)
	p.text(x0-4, y+24, "examples", small, right)
	for i, b := range bins {
		h := 18 * float64(b.Count) / float64(most)
		p.rect(x0+step*float64(i)+1, y+30-h, step-2, h, line)
		if text := Count(b.Count); b.Count > 0 && width(text, small) < step {
			p.text(x0+step*(float64(i)+0.5), y+30-h-7, text, small, centre)
		}
	}
}
