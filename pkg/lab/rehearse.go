package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

const batch = 64 // images in a step, as in the chapter

// Rehearse trains a fresh network for a few steps on the first images, in a folder that it removes again, and returns
// what it recorded: to see how long a step takes here, or whether two runs are the same.
func (l *Lab) Rehearse(m runner.Model, steps int, seed uint64) (h runner.History, err error) {
	train, err := cifar.Open(l.Source, cifar.Train)
	if err != nil {
		return h, err
	}
	train = train.Take(steps * batch)
	return rehearse(l.Backend, m, train, train.Take(batch), seed)
}

// Compile has the backend compile a network's training step and evaluation, for the batches that the chapter uses, by one step
// on blank images. Where the backend keeps compiled programs (backend.KeepsPrograms) no later start waits for its compiler.
func Compile(b compute.Backend, m runner.Model) error {
	blank := func(images int) *cifar.Dataset {
		return &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, images*cifar.ImageSize), Labels: make([]uint8, images), Origin: "blank images"}
	}
	_, err := rehearse(b, m, blank(batch), blank(runner.EvalBatch), 0)
	return err
}

func rehearse(b compute.Backend, m runner.Model, train, dev *cifar.Dataset, seed uint64) (h runner.History, err error) {
	folder, err := os.MkdirTemp("", "rehearsal")
	if err != nil {
		return h, fmt.Errorf("lab: rehearsal: %w", err)
	}
	defer os.RemoveAll(folder)
	r, err := runner.New(b, m, folder, runner.Config{Epochs: 1, BatchSize: batch, Seed: seed})
	if err != nil {
		return h, err
	}
	defer r.Finalize()
	r.Out = io.Discard
	err = r.Train(context.Background(), train, dev)
	return r.History, err
}

// StepSeconds is the median time of a step, without the first, which compiles.
func StepSeconds(h *runner.History) (float64, error) {
	var times []float64
	for _, s := range h.Steps {
		times = append(times, float64(s.Seconds))
	}
	if len(times) < 2 {
		return 0, errors.New("lab: the time of a step: want at least two steps, since the first compiles")
	}
	times = times[1:]
	slices.Sort(times)
	return times[len(times)/2], nil
}

// TrainingFLOPs counts the floating-point operations of a training: see FLOPs.
func TrainingFLOPs(c resnet.Config, images, epochs int) float64 {
	return FLOPs(c.Summary().MACs(), images, epochs)
}

// FLOPs counts the floating-point operations of training a network with so many multiply-adds for an image: two for
// each, and as many again twice over for the backward pass, which computes a gradient for the input and one for the
// weights of each layer.
func FLOPs(macs int64, images, epochs int) float64 {
	return 3 * 2 * float64(macs) * float64(images) * float64(epochs)
}
