package experiments

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/optim"
)

// Curves draws the training curves of up to three results in one figure: the loss on the left, the accuracy on the right, dashed
// for the training set and solid for dev. The horizontal axis is the number of images seen, in thousands, since batch sizes
// may differ.
func Curves(title string, results ...*Result) (*chart.Figure, error) {
	colors := []color.Color{chart.Blue, chart.Vermillion, chart.Green}
	if len(results) == 0 || len(results) > len(colors) {
		return nil, fmt.Errorf("experiments: curves: got %d results, want 1 to %d", len(results), len(colors))
	}
	var loss, accuracy []chart.Series
	for i, r := range results {
		seen := func(step int) float64 {
			return float64(r.Config.Epochs) * float64(r.TrainImages) * float64(step+1) / float64(r.Steps) / 1000
		}
		var x, l, a, devX, devL, devA []float64
		for _, p := range r.Curve {
			x, l, a = append(x, seen(p.Step)), append(l, p.Loss), append(a, p.Accuracy)
		}
		for _, e := range r.Evals {
			devX, devL, devA = append(devX, seen(e.Step)), append(devL, e.Loss), append(devA, e.Score)
		}
		train := chart.Series{Name: r.Label() + ", train", X: x, Color: colors[i], Dashed: true}
		dev := chart.Series{Name: r.Label() + ", dev", X: devX, Color: colors[i], Points: true}
		train.Y, dev.Y = l, devL
		loss = append(loss, train, dev)
		train.Y, dev.Y = a, devA
		accuracy = append(accuracy, train, dev)
	}
	axes := chart.Axes{Title: title + ": loss", XLabel: "thousand images seen", YLabel: "loss", XMin: new(0.0), YMin: new(0.0)}
	left, err1 := chart.Curves(axes, loss...)
	axes.Title, axes.YLabel = title+": accuracy", "accuracy"
	right, err2 := chart.Curves(axes, accuracy...)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return chart.Row(left, right), nil
}

// SearchBars draws the best dev accuracy of each optimizer and learning rate, with its standard error, and highlights each
// optimizer's best.
func SearchBars(all []*Result) (*chart.Figure, error) {
	var labels []string
	var values, errs []float64
	var best []int
	byRate := slices.SortedStableFunc(slices.Values(all), func(a, b *Result) int {
		return cmp.Compare(a.Config.LearningRate, b.Config.LearningRate)
	})
	for _, name := range optim.Names {
		for _, r := range byRate {
			if r.Search != name {
				continue
			}
			if r == Best(all, name) {
				best = append(best, len(labels))
			}
			labels = append(labels, searchLabel(name, r.Config.LearningRate))
			values, errs = append(values, r.BestDev), append(errs, metrics.StandardError(r.BestDev, r.DevImages))
		}
	}
	axes := chart.Axes{Title: "best dev accuracy by optimizer and learning rate", Width: barsWidth}
	return chart.BarsWithErrors(axes, labels, values, errs, best...)
}

// AccuracyBars draws the mean test accuracy of each recipe and highlights the first. The error of a mean of m seeds is s/√m; if the
// deviation s of one of the recipes is unknown, none has an error bar.
func AccuracyBars(title string, recipes []Group, s StandardDeviations) (*chart.Figure, error) {
	var labels []string
	var values, errs []float64
	unknown := false
	for _, g := range recipes {
		labels, values = append(labels, g.Results[0].Label()), append(values, g.TestAccuracy())
		errs = append(errs, s.Of(g).Value/math.Sqrt(float64(len(g.Results))))
		unknown = unknown || s.Of(g).Freedom == 0
	}
	if unknown {
		errs = nil
	}
	return chart.BarsWithErrors(chart.Axes{Title: title, Width: barsWidth}, labels, values, errs, 0)
}

const barsWidth = 640 // so that an error bar of half a point is seen
