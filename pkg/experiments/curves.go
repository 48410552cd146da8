package experiments

import (
	"cmp"
	"errors"
	"fmt"
	"image/color"
	"slices"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/optim"
)

// Curves draws the training curves of up to three results in one figure: the loss on the left, the accuracy on the right, dashed
// for the training set and solid for dev. The horizontal axis is the number of images seen, in thousands, since batch sizes
// may differ.
func Curves(title string, results ...*Result) (*chart.Figure, error) {
	colors := []color.Color{chart.Blue, chart.Vermillion, chart.Green}
	if len(results) == 0 || len(results) > len(colors) {
		return nil, errors.New("experiments: curves: want one to three results")
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
		train := chart.Series{Name: r.Name + ", train", X: x, Color: colors[i], Dashed: true}
		dev := chart.Series{Name: r.Name + ", dev", X: devX, Color: colors[i], Points: true}
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

// SearchBars draws the best dev accuracy of each optimizer and learning rate and highlights each optimizer's best.
func SearchBars(all []*Result) (*chart.Figure, error) {
	var labels []string
	var values []float64
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
			labels = append(labels, fmt.Sprintf("%s %g", name, r.Config.LearningRate))
			values = append(values, r.BestDev)
		}
	}
	return chart.Bars(chart.Axes{Title: "best dev accuracy by optimizer and learning rate"}, labels, values, best...)
}
