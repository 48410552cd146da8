package chart

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Training is the history of one training run for [TrainingCurves].
type Training struct {
	TrainSteps []int     // the step of each TrainLoss
	TrainLoss  []float64 // the loss of each batch

	DevSteps []int     // the step of each evaluation
	DevLoss  []float64 // one per evaluation, or none
	DevScore []float64 // accuracy, from 0 to 1

	// Accuracy on the training set, if measured. Its gap to DevScore shows overfitting.
	TrainScoreSteps []int
	TrainScore      []float64

	LearningRate []float64 // of each of TrainSteps, or none

	Title string // for example the model's name

	// For small panels that are drawn while a training runs:
	Steps         int     // the axes reach to this step; 0 means the last one
	Width, Height float64 // of a panel in CSS pixels; 0 means the default
}

// TrainingCurves draws the loss of a training run on the left and right of it its accuracy and its learning rate, if they are
// given. The pale line is the loss of each batch, the strong one its moving average. The star marks the evaluation with the
// highest accuracy.
func TrainingCurves(t Training) (*Figure, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	panels := []func() (*Figure, error){t.lossPanel}
	if len(t.DevScore)+len(t.TrainScore) > 0 {
		panels = append(panels, t.accuracyPanel)
	}
	if len(t.LearningRate) > 0 {
		panels = append(panels, t.ratePanel)
	}
	var row []*Figure
	for _, draw := range panels {
		f, err := draw()
		if err != nil {
			return nil, err
		}
		row = append(row, f)
	}
	return Row(row...), nil
}

// check returns an error if the lengths of the slices do not match or there is no loss.
func (t Training) check() error {
	for _, l := range []struct {
		name, of string
		n, steps int
	}{
		{"TrainLoss", "TrainSteps", len(t.TrainLoss), len(t.TrainSteps)},
		{"DevScore", "DevSteps", len(t.DevScore), len(t.DevSteps)},
		{"TrainScore", "TrainScoreSteps", len(t.TrainScore), len(t.TrainScoreSteps)},
	} {
		if l.n != l.steps {
			return fmt.Errorf("chart: training curves: len(%s)=%d, len(%s)=%d: lengths must be equal", l.name, l.n, l.of, l.steps)
		}
	}
	if len(t.DevLoss) != 0 && len(t.DevLoss) != len(t.DevSteps) {
		return fmt.Errorf("chart: training curves: len(DevLoss)=%d, len(DevSteps)=%d: lengths must be equal, or no DevLoss", len(t.DevLoss), len(t.DevSteps))
	}
	if len(t.LearningRate) != 0 && len(t.LearningRate) != len(t.TrainSteps) {
		return fmt.Errorf("chart: training curves: len(LearningRate)=%d, len(TrainSteps)=%d: lengths must be equal, or no LearningRate", len(t.LearningRate), len(t.TrainSteps))
	}
	if len(t.TrainLoss) == 0 {
		return errors.New("chart: training curves: no training loss: at least one step is needed")
	}
	return nil
}

func (t Training) lossPanel() (*Figure, error) {
	axes := t.axes("Loss", "loss")
	axes.YMin = new(0.0)
	x := floats(t.TrainSteps)
	window := int(roundUp(float64(len(x)) / 100))
	smooth := MovingAverage(t.TrainLoss, window)
	top := t.lossLimit(smooth)
	var notes []string
	if window > 1 {
		notes = append(notes, fmt.Sprintf("mean of %d steps", window))
	}
	if top > 0 {
		axes.YMax = &top
		if t.Steps == 0 { // smaller panels have no room
			notes = append(notes, fmt.Sprintf("starts at %.2f", t.TrainLoss[0]))
		}
	}
	name := "train"
	if len(notes) > 0 {
		name += " (" + strings.Join(notes, ", ") + ")"
	}
	series := []Series{
		{Name: "train, each step", X: x, Y: t.TrainLoss, Color: Blue, Faint: true},
		thin(Series{Name: name, X: x, Y: smooth, Color: Blue}),
	}
	if len(t.DevLoss) > 0 {
		series = append(series, Series{Name: "dev", X: floats(t.DevSteps), Y: t.DevLoss, Color: Vermillion, Points: true})
	}
	return Curves(axes, series...)
}

// lossLimit returns an upper limit for the loss axis that cuts off the first steps if they would flatten the rest of the
// curve, as the loss of 7 of an untrained network does. It returns 0 if no limit is needed.
func (t Training) lossLimit(smooth []float64) float64 {
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

func (t Training) accuracyPanel() (*Figure, error) {
	axes := t.axes("Accuracy", "accuracy")
	if t.Steps > 0 {
		axes.YMin = new(0.0) // the first points alone would make a scale of their noise
	}
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
		dev := Series{Name: "dev", X: floats(t.DevSteps), Y: t.DevScore, Color: Vermillion, Points: true}
		if t.Steps > 0 { // the curve of the training set, which has more points here, would run through a label
			dev.Name = fmt.Sprintf("dev, best %.4f", t.DevScore[best])
		} else {
			dev.Best, dev.BestAt = fmt.Sprintf("best %.4f, step %s", t.DevScore[best], Count(t.DevSteps[best])), best
		}
		series = append(series, dev)
	}
	return Curves(axes, series...)
}

func (t Training) ratePanel() (*Figure, error) {
	axes := t.axes("Learning rate", "learning rate")
	axes.YMin = new(0.0)
	return Curves(axes, thin(Series{X: floats(t.TrainSteps), Y: t.LearningRate, Color: Green}))
}

// axes returns the axes of a panel. Its title is alone, or after the title of the whole figure.
func (t Training) axes(alone, after string) Axes {
	a := Axes{Title: alone, XLabel: "training step", YLabel: after, XMin: new(0.0), Width: t.Width, Height: t.Height}
	if t.Title != "" {
		a.Title = t.Title + ": " + after
	}
	if t.Steps > 0 {
		a.XMax = new(float64(t.Steps))
	}
	return a
}

// thin keeps about 200 points of a smooth series, among them the first and the last.
func thin(s Series) Series {
	n := len(s.Y)
	stride := (n + 199) / 200
	out := s
	out.X, out.Y = nil, nil
	for i := range n {
		if i%stride == 0 || i == n-1 {
			out.X, out.Y = append(out.X, s.X[i]), append(out.Y, s.Y[i])
		}
	}
	return out
}

// MovingAverage returns the moving average of y: each value is the mean of up to window values of y that end at its
// index. It shows the trend of a noisy loss.
func MovingAverage(y []float64, window int) []float64 {
	window = max(window, 1)
	out := make([]float64, len(y))
	sum := 0.0
	for i, v := range y {
		sum += v
		n := i + 1
		if i >= window {
			sum -= y[i-window]
			n = window
		}
		out[i] = sum / float64(n)
	}
	return out
}

func floats(steps []int) []float64 {
	out := make([]float64, len(steps))
	for i, s := range steps {
		out[i] = float64(s)
	}
	return out
}
