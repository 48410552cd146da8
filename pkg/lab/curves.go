package lab

import (
	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/runner"
)

// Curves draws a run's training curves: the loss of every step, and as the accuracy on the training set the mean over the
// batches since the last evaluation.
func Curves(title string, h *runner.History) (*chart.Figure, error) {
	t := chart.Training{Title: title}
	for i, s := range h.Steps {
		t.TrainSteps = append(t.TrainSteps, i)
		t.TrainLoss = append(t.TrainLoss, float64(s.Loss))
	}
	from := 0
	for _, e := range h.Evals {
		t.DevSteps = append(t.DevSteps, e.Step)
		t.DevLoss = append(t.DevLoss, e.Loss)
		t.DevScore = append(t.DevScore, e.Score)
		sum := 0.0
		for _, s := range h.Steps[from : e.Step+1] {
			sum += float64(s.Accuracy)
		}
		if n := e.Step + 1 - from; n > 0 {
			t.TrainScoreSteps = append(t.TrainScoreSteps, e.Step)
			t.TrainScore = append(t.TrainScore, sum/float64(n))
		}
		from = e.Step + 1
	}
	return chart.TrainingCurves(t)
}
