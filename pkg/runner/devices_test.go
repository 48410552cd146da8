package runner

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
)

// envDevices makes TestResNetDevices run; it is the number of steps.
const envDevices = "DEVICES_STEPS"

// The tests' backend for XLA has four devices: toy_test.go.
func TestBadDevices(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		backend        string
		devices, batch int
		want           string
	}{
		{"go", -1, 64, "-1 devices: want at least 1"},
		{"go", 2, 64, "2 devices: pure Go supports only one"},
		{"xla", 5, 60, "5 devices: XLA on the CPU has 4"},
		{"xla", 3, 64, "batches of 64 images for 3 devices: want a number of devices that divides the batch size"},
	} {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			b := goBackend(t)
			if test.backend == "xla" {
				b = xlaBackend(t)
			}
			r, err := New(b, toy{}, t.TempDir(), Config{Devices: test.devices, BatchSize: test.batch})
			if err == nil {
				err = r.Train(context.Background(), toyTrain(), toyDev())
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

// Every example counts once on any number of devices, even if they do not divide the number of images.
func TestEvaluateOnDevices(t *testing.T) {
	t.Parallel()
	b := xlaBackend(t)
	for devices := 2; devices <= 4; devices++ {
		c := toyConfig
		c.Devices = devices
		r, _ := newToy(t, b, toy{}, t.TempDir(), c)
		for _, n := range []int{1, 33, EvalBatch, devices*EvalBatch - 1, devices * EvalBatch, devices*EvalBatch + 1, 1000} {
			d := toyData(cifar.Test, n, uint64(n))
			accuracy, loss, err := r.Evaluate(context.Background(), d)
			require.NoError(t, err)
			wantAccuracy, wantLoss := reference(t, r, d, nil)
			require.InDelta(t, wantAccuracy, accuracy, 1e-12, "%d devices, %d images", devices, n)
			require.InDelta(t, wantLoss, loss, 1e-5, "%d devices, %d images", devices, n)
		}
	}
}

// Training on two devices equals training on one up to rounding, and so does a run that starts on four and resumes on two and on
// one. The toy has dropout, so that random numbers are split too. The last batch has 6 of the 46 images, which four devices
// cannot share.
func TestDevices(t *testing.T) {
	t.Parallel()
	c := toyConfig
	c.BatchSize = 8
	requireSameOnDevices(t, toy{dropout: 0.1}, c, toyTrain(), toyDev(), 1e-5, []int{2}, []int{4, 2, 1})
}

// The chapter's network takes the same steps of 64 images on 1, 2 and 4 devices, even if their number changes in between, and
// classifies 10,000 images equally.
//
// The learning rate is small for the reason given at TestResNetOnBothBackends. In 50 steps of the library's network, the losses
// of two devices differ from those of one by up to 0.36 at the chapter's rate, 0.001, and by up to 0.00023 at 2e-6. So does
// one device from itself at the chapter's rate, if XLA has eight threads (PJRT_NPROC=8) instead of two: by 0.001 at step 2 and
// by 0.26 at step 11.
func TestResNetDevices(t *testing.T) {
	steps, err := strconv.Atoi(os.Getenv(envDevices))
	if err != nil {
		t.Skipf("takes many minutes: run \"make devices\", which sets $%s to 50", envDevices)
	}
	c := Config{Epochs: 1, LearningRate: 2e-7, LogSteps: 1, EvalSteps: 1000, SaveEvery: time.Hour}
	requireSameOnDevices(t, resnet.Custom(3, 10, true), c, photographs(steps*64), photographs(10_000), 1e-4, []int{2}, []int{4}, []int{1, 2, 4, 1})
}

// requireSameOnDevices requires each run to agree with one on a single device. A run lists the number of devices of each of its
// sessions.
func requireSameOnDevices(t *testing.T, m Model, c Config, data, dev *cifar.Dataset, tolerance float64, runs ...[]int) {
	t.Helper()
	b := xlaBackend(t)
	train := func(dir, stopAt string, devices int) (*Runner, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c.Devices = devices
		r, out := newToy(t, b, m, dir, c)
		out.on(stopAt, cancel)
		return r, r.Train(ctx, data, dev)
	}
	one, err := train(t.TempDir(), "never", 1)
	require.NoError(t, err)
	steps := len(one.History.Steps)
	for _, run := range runs {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			dir, last := t.TempDir(), len(run)-1
			for i, devices := range run[:last] {
				_, err := train(dir, fmt.Sprintf("step: %d/", (i+1)*steps/len(run)), devices)
				require.ErrorIs(t, err, ErrStopped)
			}
			r, err := train(dir, "never", run[last])
			require.NoError(t, err)
			requireClose(t, &one.History, &r.History, tolerance)
		})
	}
}

// requireClose requires two histories to agree within a tolerance, and the scores of their evaluations to be equal.
func requireClose(t *testing.T, want, got *History, tolerance float64) {
	t.Helper()
	require.Len(t, got.Steps, len(want.Steps))
	require.Len(t, got.Evals, len(want.Evals))
	largest, at := 0.0, 0
	for i, s := range got.Steps {
		if d := math.Abs(float64(s.Loss - want.Steps[i].Loss)); d > largest {
			largest, at = d, i
		}
	}
	t.Logf("largest difference of a loss in %d steps: %.1e, at step %d", len(got.Steps), largest, at)
	for i, e := range got.Evals {
		t.Logf("after step %d accuracy %.5f, on one device %.5f; loss %.6f, on one %.6f", e.Step, e.Score, want.Evals[i].Score, e.Loss, want.Evals[i].Loss)
	}
	require.Less(t, largest, tolerance)
	for i, e := range got.Evals {
		require.Equal(t, want.Evals[i].Score, e.Score)
		require.InDelta(t, want.Evals[i].Loss, e.Loss, tolerance)
	}
}
