package lab

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/runner"
)

const batch = 64 // images in a step, as in the chapter

// TrialRun trains a fresh network for a few steps on the first images, in a temporary folder, and returns its history. Use it to
// measure the time of a step or to compare two runs.
func (l *Lab) TrialRun(m runner.Model, steps int, seed uint64) (h runner.History, err error) {
	if steps < 1 {
		return h, fmt.Errorf("lab: trial run of %d steps: want at least 1", steps)
	}
	train, err := cifar.Open(l.Source, cifar.Train)
	if err != nil {
		return h, err
	}
	train = train.Take(steps * batch)
	return trialRun(l.Backend, m, train, train.Take(batch), seed)
}

// Compile compiles a network's training step and evaluation, for the chapter's batch sizes, by making one step on blank images.
// If the backend keeps compiled programs (backend.CachesPrograms), later starts do not wait for its compiler.
func Compile(b compute.Backend, m runner.Model) error {
	blank := func(images int) *cifar.Dataset {
		return &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, images*cifar.ImageSize), Labels: make([]uint16, images), Origin: "blank images"}
	}
	_, err := trialRun(b, m, blank(batch), blank(runner.EvalBatch), 0)
	return err
}

func trialRun(b compute.Backend, m runner.Model, train, dev *cifar.Dataset, seed uint64) (h runner.History, err error) {
	folder, err := os.MkdirTemp("", "trial-run")
	if err != nil {
		return h, fmt.Errorf("lab: trial run: %w", err)
	}
	defer os.RemoveAll(folder)
	r, err := runner.New(b, m, folder, runner.Config{Epochs: 1, BatchSize: batch, Seed: seed, LaunchSteps: 1}) // a time for each step
	if err != nil {
		return h, err
	}
	defer r.Finalize()
	r.Out = io.Discard
	err = r.Train(context.Background(), train, dev)
	return r.History, err
}

// MedianStepSeconds returns the median time of a step in seconds, without the first, which compiles. Fewer than two steps are an
// error.
func MedianStepSeconds(h *runner.History) (float64, error) {
	var times []float64
	for _, s := range h.Steps {
		times = append(times, float64(s.Seconds))
	}
	if len(times) < 2 {
		return 0, fmt.Errorf("lab: median step time: got %d steps, want at least 2, since the first compiles", len(times))
	}
	times = times[1:]
	slices.Sort(times)
	n := len(times)
	return (times[(n-1)/2] + times[n/2]) / 2, nil
}
