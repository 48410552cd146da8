package runner

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
)

func TestTrain(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		c := toyConfig
		c.LogSteps = 6
		r, out := newToy(t, b, toy{}, t.TempDir(), c)
		require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
		h := r.History

		// Lines in the chapter's wording, steps counted from 0.
		var want []string
		best, evals := 0.0, 0
		for step := range 15 {
			if step%6 == 0 {
				want = append(want, fmt.Sprintf("[Train] epoch: %d/3, step: %d/15, loss: %.5f", step/5, step, h.Steps[step].Loss))
			}
			if step == 4 || step == 8 || step == 12 || step == 14 {
				e := h.Evals[evals]
				evals++
				require.Equal(t, step, e.Step)
				want = append(want, fmt.Sprintf("[Evaluate]  dev score: %.5f, dev loss: %.5f", e.Score, e.Loss))
				if e.Score > best {
					want = append(want, fmt.Sprintf("[Evaluate] best accuracy performance has been updated: %.5f --> %.5f", best, e.Score))
					best = e.Score
				}
			}
		}
		want = append(want, "[Train] Training done!")
		require.Equal(t, want, h.Log)
		require.Equal(t, strings.Join(want, "\n")+"\n", out.String())
		require.Len(t, h.Evals, evals)
		require.Equal(t, best, h.Best)
		require.Len(t, h.Steps, 15)
		require.Equal(t, "made for this test", h.Data)
		require.NotEmpty(t, h.Device)
		require.Greater(t, h.Seconds, stepSeconds(h.Steps)*(1-1e-6), "evaluations count, too")

		require.Greater(t, h.Best, 0.5, "the toy should learn")
		for i, s := range h.Steps {
			require.Equal(t, float32(0.1), s.LearningRate)
			require.Positive(t, s.Seconds)
			size := 10.0
			if i%5 == 4 {
				size = 6 // the last batch of an epoch
			}
			right := size * float64(s.Accuracy)
			require.InDelta(t, math.Round(right), right, 1e-4, "a share of the batch")
		}

		// The file holds the best model, not the last.
		require.NoError(t, r.LoadBest())
		score, _, err := r.Evaluate(context.Background(), toyDev())
		require.NoError(t, err)
		require.Equal(t, h.Best, score)
		requireClean(t, r.Dir())
	})
}

// The first step's loss and accuracy are those of the initial weights.
func TestFirstStep(t *testing.T) {
	t.Parallel()
	d := toyTrain().Take(9)
	c := Config{Epochs: 1, BatchSize: 9, LearningRate: 0.1, LogSteps: 1}
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), c)
	accuracy, loss := reference(t, r, d, d)
	require.NoError(t, r.Train(context.Background(), d, toyDev()))
	require.InDelta(t, loss, r.History.Steps[0].Loss, 1e-5)
	require.InDelta(t, accuracy, r.History.Steps[0].Accuracy, 1e-6)
	require.Len(t, r.History.Evals, 1, "the last step is always evaluated, even if it is the first")
	require.FileExists(t, r.BestPath())
}

func TestBestIsKept(t *testing.T) {
	t.Parallel()
	c := toyConfig
	c.LearningRate, c.EvalSteps = 1, 1 // wild steps: the score goes up and down
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), c)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	updates, best, drops := 0, 0.0, 0
	for _, e := range r.History.Evals {
		switch {
		case e.Score > best:
			updates++
			best = e.Score
		case e.Score < best:
			drops++
		}
	}
	require.Positive(t, drops, "this test needs a score that falls")
	require.Equal(t, best, r.History.Best)
	require.Equal(t, updates, strings.Count(strings.Join(r.History.Log, "\n"), "has been updated"))
	last, _, err := r.Evaluate(context.Background(), toyDev())
	require.NoError(t, err)
	require.Equal(t, r.History.Evals[len(r.History.Evals)-1].Score, last)
	require.NoError(t, r.LoadBest())
	score, _, err := r.Evaluate(context.Background(), toyDev())
	require.NoError(t, err)
	require.Equal(t, best, score)
}

// A complete run shows its log again, continues for more epochs, and says so for fewer.
func TestEpochsChange(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	three := trainToy(t, b, dir, toyConfig)

	r, out := newToy(t, b, toy{}, dir, toyConfig)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), strings.Join(three.history.Log, "\n")+"\n(This run is complete: 15 steps in ")
	require.Equal(t, three.history, r.History)

	c := toyConfig
	c.Epochs = 2
	r, out = newToy(t, b, toy{}, dir, c)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "(This run has done 15 steps, more than the 10 of 2 epochs. Delete "+dir)

	c.Epochs = 5
	r, out = newToy(t, b, toy{}, dir, c)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "(resuming at step 15 of 25)\n[Train] epoch: 3/5, step: 15/25")
	five := trainToy(t, b, t.TempDir(), c)
	require.Equal(t, untimed(five.history.Steps), untimed(r.History.Steps))
	require.Equal(t, five.tensors, lastCheckpoint(t, r).tensors)
	evals := r.History.Evals
	require.Equal(t, 14, evals[3].Step, "the evaluation that ended the shorter run stays")
	require.Equal(t, five.history.Evals, append(evals[:3:3], evals[4:]...))
	atLeast := three.history.Seconds + stepSeconds(r.History.Steps[15:])
	require.Greater(t, r.History.Seconds, atLeast*(1-1e-6), "of both sessions")
}

// The model's own random numbers follow from the seed, and their state is restored. (TestKill shows it on XLA.)
func TestRandomState(t *testing.T) {
	t.Parallel()
	b, m, dir := goBackend(t), toy{dropout: 0.3}, t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, out := newToy(t, b, m, dir, toyConfig)
	out.on("step: 7/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	var ends []*checkpoint
	for _, dir := range []string{dir, t.TempDir()} {
		r, _ := newToy(t, b, m, dir, toyConfig)
		require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
		ends = append(ends, lastCheckpoint(t, r))
	}
	requireSame(t, ends[1], ends[0])
	plain := trainToy(t, b, t.TempDir(), toyConfig)
	require.NotEqual(t, plain.history.Steps[0].Loss, ends[0].history.Steps[0].Loss, "without dropout")
}

func TestTrainErrors(t *testing.T) {
	t.Parallel()
	b := goBackend(t)
	none := &cifar.Dataset{Split: cifar.Dev}
	for _, test := range []struct {
		name       string
		train, dev *cifar.Dataset
		want       string
	}{
		{"no training images", none, toyDev(), "0 images to train on"},
		{"no dev images", toyTrain(), none, "0 to evaluate on"},
		{"a last batch of one", toyTrain().Take(41), toyDev(), "41 images in batches of 10 leave 1 for the last batch"},
		{"pixels missing", &cifar.Dataset{Split: cifar.Train, Labels: make([]uint16, 20), Pixels: make([]uint8, 20)}, toyDev(), "20 labels and 20 bytes of pixels"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, _ := newToy(t, b, toy{}, t.TempDir(), toyConfig)
			require.ErrorContains(t, r.Train(context.Background(), test.train, test.dev), test.want)
		})
	}

	for _, c := range []Config{{Epochs: -1}, {BatchSize: 1}, {BatchSize: -5}, {LogSteps: -1}, {EvalSteps: -1}, {LearningRate: -1}} {
		_, err := New(b, toy{}, t.TempDir(), c)
		require.ErrorContains(t, err, "want positive numbers", "%+v", c)
	}
	_, err := New(b, toy{}, t.TempDir(), Config{WeightDecay: math.NaN()})
	require.EqualError(t, err, "runner: weight decay is NaN, want a number; less than 0 means none")
	_, err = New(b, broken{}, t.TempDir(), Config{})
	require.ErrorContains(t, err, "no weights today")
	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	r, _ := newToy(t, b, toy{}, file, toyConfig)
	require.ErrorContains(t, r.Train(context.Background(), toyTrain(), toyDev()), "the run's folder")
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	r, _ := newToy(t, goBackend(t), toy{}, "some/where", Config{})
	c := r.Config
	require.Equal(t, []any{30, 64, 0.001, 0.005, 3000, 3000, uint64(100)},
		[]any{c.Epochs, c.BatchSize, c.LearningRate, c.WeightDecay, c.LogSteps, c.EvalSteps, c.Seed})
	require.Equal(t, "some/where", r.Dir())
	require.Equal(t, goBackend(t), r.backend)
	require.NoDirExists(t, "some")
}
