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

// XLA on the CPU has four devices without being asked, so the tests need no process of their own for them.
func TestBadDevices(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		backend        string
		devices, batch int
		want           string
	}{
		{"go", -1, 64, "-1 devices: want at least 1"},
		{"go", 2, 64, "2 devices: pure Go has only one"},
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

// Every example counts once on any number of devices, also where they do not divide the number of images.
func TestEvaluateOnDevices(t *testing.T) {
	t.Parallel()
	b := xlaBackend(t)
	for devices := 2; devices <= 4; devices++ {
		c := toyConfig
		c.Devices = devices
		r, _ := newToy(t, b, toy{}, t.TempDir(), c)
		for _, n := range []int{1, 33, evalBatch, devices*evalBatch - 1, devices * evalBatch, devices*evalBatch + 1, 1000} {
			d := toyData(cifar.Test, n, uint64(n))
			accuracy, loss, err := r.Evaluate(context.Background(), d)
			require.NoError(t, err)
			wantAccuracy, wantLoss := reference(t, r, d, nil)
			require.InDelta(t, wantAccuracy, accuracy, 1e-12, "%d devices, %d images", devices, n)
			require.InDelta(t, wantLoss, loss, 1e-5, "%d devices, %d images", devices, n)
		}
	}
}

// A training on two or four devices is that on one up to rounding, and so is one that goes from 1 device to 2, to 4 and back
// to 1. The toy has dropout, so that random numbers are shared out too. Of the 46 images 6 are left for the last batch, which
// four devices cannot share.
func TestDevices(t *testing.T) {
	t.Parallel()
	c := toyConfig
	c.BatchSize = 8
	requireSameOnDevices(t, toy{dropout: 0.1}, c, toyTrain(), toyDev(), []string{"step: 3/", "step: 8/", "step: 13/"}, 1e-5)
}

// The chapter's network takes the same steps of 64 images on 1, 2 and 4 devices, and answers the same to 10,000 images.
func TestResNetDevices(t *testing.T) {
	steps, err := strconv.Atoi(os.Getenv(envDevices))
	if err != nil {
		t.Skipf("takes minutes: set $%s to 50", envDevices)
	}
	data, dev := photographs(steps*64), photographs(10_000)
	for _, rate := range []float64{0.001, 2e-6} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			c := Config{Epochs: 1, LearningRate: rate, LogSteps: 1, EvalSteps: 1000, SaveEvery: time.Hour}
			stops := []string{fmt.Sprintf("step: %d/", steps/4), fmt.Sprintf("step: %d/", steps/2), fmt.Sprintf("step: %d/", 3*steps/4)}
			requireSameOnDevices(t, resnet.Library(), c, data, dev, stops, 1e-4)
		})
	}
}

// requireSameOnDevices trains on 1, 2 and 4 devices, and once more stopping at three lines of the log to go on with another
// number of devices. It wants all to agree with one device.
func requireSameOnDevices(t *testing.T, m Model, c Config, data, dev *cifar.Dataset, stops []string, tolerance float64) {
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
	for _, devices := range []int{2, 4} {
		r, err := train(t.TempDir(), "never", devices)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("XLA on the CPU, %d devices", devices), r.History.Device)
		requireClose(t, &one.History, &r.History, tolerance, fmt.Sprintf("%d devices", devices))
	}
	dir := t.TempDir()
	for i, stopAt := range stops {
		_, err := train(dir, stopAt, []int{1, 2, 4}[i])
		require.ErrorIs(t, err, ErrStopped)
	}
	r, err := train(dir, "never", 1)
	require.NoError(t, err)
	requireClose(t, &one.History, &r.History, tolerance, "1, 2, 4, 1 devices")
}

// requireClose wants two histories to agree, their evaluations in every answer.
func requireClose(t *testing.T, want, got *History, tolerance float64, what string) {
	t.Helper()
	require.Len(t, got.Steps, len(want.Steps), what)
	require.Len(t, got.Evals, len(want.Evals), what)
	largest := 0.0
	for i, s := range got.Steps {
		largest = max(largest, math.Abs(float64(s.Loss-want.Steps[i].Loss)))
	}
	for i, e := range got.Evals {
		t.Logf("%s: after step %d accuracy %.5f and %.5f, loss %.6f and %.6f", what, e.Step, want.Evals[i].Score, e.Score, want.Evals[i].Loss, e.Loss)
	}
	t.Logf("%s: largest difference of a loss in %d steps: %.1e", what, len(got.Steps), largest)
	require.Less(t, largest, tolerance, what)
	for i, e := range got.Evals {
		require.Equal(t, want.Evals[i].Score, e.Score, what)
		require.InDelta(t, want.Evals[i].Loss, e.Loss, tolerance, what)
	}
}
