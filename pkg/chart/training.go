package chart

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Training is the history of one training run, as [TrainingCurves] shows it.
type Training struct {
	TrainSteps []int     // the step of each training loss
	TrainLoss  []float64 // the loss of each step's batch

	DevSteps []int     // the step of each evaluation
	DevLoss  []float64 // may be empty
	DevScore []float64 // the accuracy, from 0 to 1

	// Accuracy on the training set, if it was measured: the gap to DevScore is what overfitting looks like.
	TrainScoreSteps []int
	TrainScore      []float64

	Title string // for example the name of the model
}

// TrainingCurves draws how a training went: the loss on the left, the accuracy on the right. The pale line is the loss
// of each batch, the strong one its moving average. The star marks the best evaluation, the one whose model is kept.
func TrainingCurves(t Training) (*Figure, error) {
	for _, l := range []struct {
		name, of string
		n, steps int
	}{
		{"TrainLoss", "TrainSteps", len(t.TrainLoss), len(t.TrainSteps)},
		{"DevScore", "DevSteps", len(t.DevScore), len(t.DevSteps)},
		{"TrainScore", "TrainScoreSteps", len(t.TrainScore), len(t.TrainScoreSteps)},
	} {
		if l.n != l.steps {
			return nil, fmt.Errorf("chart: training curves: %d values of %s for %d of %s: want as many", l.n, l.name, l.steps, l.of)
		}
	}
	if len(t.DevLoss) != 0 && len(t.DevLoss) != len(t.DevSteps) {
		return nil, fmt.Errorf("chart: training curves: %d values of DevLoss for %d of DevSteps: want as many, or none", len(t.DevLoss), len(t.DevSteps))
	}
	if len(t.TrainLoss) == 0 {
		return nil, errors.New("chart: training curves without a training loss: want at least one step")
	}
	loss, err := t.loss()
	if err != nil || len(t.DevScore)+len(t.TrainScore) == 0 {
		return loss, err
	}
	score, err := t.score()
	if err != nil {
		return nil, err
	}
	return Row(loss, score), nil
}

// loss is the left panel.
func (t Training) loss() (*Figure, error) {
	axes := Axes{Title: t.title("loss"), XLabel: "training step", YLabel: "loss", XMin: new(0.0), YMin: new(0.0)}
	x := floats(t.TrainSteps)
	window := int(roundUp(float64(len(x)) / 100))
	smooth := Smooth(t.TrainLoss, window)
	top := t.top(smooth)
	var notes []string
	if window > 1 {
		notes = append(notes, fmt.Sprintf("mean of %d steps", window))
	}
	if top > 0 {
		axes.YMax = &top
		notes = append(notes, fmt.Sprintf("starts at %.2f", t.TrainLoss[0]))
	}
	name := "train"
	if len(notes) > 0 {
		name += " (" + strings.Join(notes, ", ") + ")"
	}
	series := []Series{
		{Name: "train, each step", X: x, Y: t.TrainLoss, Color: Blue, Faint: true},
		{Name: name, X: x, Y: smooth, Color: Blue},
	}
	if len(t.DevLoss) > 0 {
		series = append(series, Series{Name: "dev", X: floats(t.DevSteps), Y: t.DevLoss, Color: Vermillion, Points: true})
	}
	return Curves(axes, series...)
}

// top gives an upper limit for the loss axis that leaves out the first steps where they would flatten all the rest, as
// an untrained network's loss of 7 does; 0 if there is no need.
func (t Training) top(smooth []float64) float64 {
	settled := smooth[len(smooth)/20:]
	top := slices.Max(settled)
	for _, v := range t.DevLoss {
		top = max(top, v)
	}
	top *= 1.25
	if highest := slices.Max(t.TrainLoss); !(top > 0) || highest < 1.6*top || math.IsInf(highest, 0) {
		return 0
	}
	return top
}

// score is the right panel.
func (t Training) score() (*Figure, error) {
	axes := Axes{Title: t.title("accuracy"), XLabel: "training step", YLabel: "accuracy", XMin: new(0.0)}
	var series []Series
	if len(t.TrainScore) > 0 {
		series = append(series, Series{Name: "train", X: floats(t.TrainScoreSteps), Y: t.TrainScore, Color: Blue})
	}
	if len(t.DevScore) > 0 {
		best := 0
		for i, v := range t.DevScore {
			if v > t.DevScore[best] {
				best = i
			}
		}
		series = append(series, Series{
			Name: "dev", X: floats(t.DevSteps), Y: t.DevScore, Color: Vermillion, Points: true,
			Best:   fmt.Sprintf("best %.4f, step %s", t.DevScore[best], number(float64(t.DevSteps[best]), 0)),
			BestAt: best,
		})
	}
	return Curves(axes, series...)
}

func (t Training) title(of string) string {
	if t.Title == "" {
		return map[string]string{"loss": "Loss", "accuracy": "Accuracy"}[of]
	}
	return t.Title + ": " + of
}

func floats(steps []int) []float64 {
	out := make([]float64, len(steps))
	for i, s := range steps {
		out[i] = float64(s)
	}
	return out
}
