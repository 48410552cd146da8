package main

import (
	"context"
	"math"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/nn"
)

// run is a training in the task equal. Its differences are those from the first run, in absolute value.
type run struct {
	LaunchSteps          int       `json:"launch_steps"`
	Losses               []float32 `json:"losses"`
	LossDifference       float64   `json:"loss_difference"`       // the largest
	WeightDifference     float64   `json:"weight_difference"`     // the largest
	EvaluationDifference float64   `json:"evaluation_difference"` // of the mean losses; several steps in a launch also evaluate in one launch
}

// equal trains three times on the same images: with single steps, with single steps again, and with launches. On a CPU all are
// equal. On a GPU the second shows how far two runs of one program differ, whose sums the GPU may take in another order.
func equal(b compute.Backend) (steps int, runs []run, err error) {
	size := max(2, *launch)
	if *launch == 0 && backend.IsGPU(b) {
		size = 25
	}
	data := noise(*batch * (1 + 2*size))
	var weights [][]float32 // of the first run
	var evaluation float64
	for i, launchSteps := range []int{1, 1, size} {
		r, close, err := newRunner(b, launchSteps)
		if err != nil {
			return 0, nil, err
		}
		defer close()
		if err := r.Train(context.Background(), data, noise(500)); err != nil {
			return 0, nil, err
		}
		got := run{LaunchSteps: launchSteps}
		for k, s := range r.History.Steps {
			got.Losses = append(got.Losses, s.Loss)
			if i > 0 {
				got.LossDifference = max(got.LossDifference, math.Abs(float64(s.Loss-runs[0].Losses[k])))
			}
		}
		for k, p := range network().Params() {
			values, err := nn.Values(r.Store(), p)
			if err != nil {
				return 0, nil, err
			}
			if i == 0 {
				weights = append(weights, values)
			}
			for j, v := range values {
				got.WeightDifference = max(got.WeightDifference, math.Abs(float64(v-weights[k][j])))
			}
		}
		if i == 0 {
			evaluation = r.History.Evals[0].Loss
		}
		got.EvaluationDifference = math.Abs(r.History.Evals[0].Loss - evaluation)
		runs = append(runs, got)
	}
	return len(runs[0].Losses), runs, nil
}
