package lab

import (
	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/runner"
)

// Curves draws a run's training curves: the loss of every step, and as the accuracy on the training set the mean over the
// batches since the last evaluation.
func Curves(title string, h *runner.History) (*chart.Figure, error) {
	t := curves(h)
	t.Title = title
	from := 0
	for _, e := range h.Evals {
		if e.Step >= from {
			t.TrainScoreSteps = append(t.TrainScoreSteps, e.Step)
			t.TrainScore = append(t.TrainScore, MeanAccuracy(h.Steps[from:e.Step+1]))
		}
		from = e.Step + 1
	}
	return chart.TrainingCurves(t)
}

// curves returns a run's losses and its evaluations on dev.
func curves(h *runner.History) (t chart.Training) {
	for i, s := range h.Steps {
		t.TrainSteps = append(t.TrainSteps, i)
		t.TrainLoss = append(t.TrainLoss, float64(s.Loss))
	}
	for _, e := range h.Evals {
		t.DevSteps = append(t.DevSteps, e.Step)
		t.DevLoss = append(t.DevLoss, e.Loss)
		t.DevScore = append(t.DevScore, e.Score)
	}
	return t
}

// MeanAccuracy returns the mean accuracy of the steps' batches, each measured before the network learned from it.
func MeanAccuracy(steps []runner.Step) float64 {
	sum := 0.0
	for _, s := range steps {
		sum += float64(s.Accuracy)
	}
	return sum / float64(len(steps))
}
