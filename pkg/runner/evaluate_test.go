package runner

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/nn"
)

// reference computes the accuracy and the mean loss of a toy in float64, one image at a time. It centres the colours with their
// mean over centre, or with the running mean if centre is nil.
func reference(t *testing.T, r *Runner, d, centre *cifar.Dataset) (accuracy, loss float64) {
	t.Helper()
	var values [3][]float32
	for i, p := range r.model.Params() {
		v, err := nn.Values(r.store, p)
		require.NoError(t, err)
		values[i] = v
	}
	mean := [3]float64{float64(values[0][0]), float64(values[0][1]), float64(values[0][2])}
	if centre != nil {
		mean = [3]float64{}
		for i := range centre.Len() {
			for c, v := range colour(centre, i) {
				mean[c] += v / float64(centre.Len())
			}
		}
	}
	classes := len(values[2])
	for i, label := range d.Labels {
		logits := make([]float64, classes)
		best := 0
		for k := range logits {
			logits[k] = float64(values[2][k])
			for c, v := range colour(d, i) {
				logits[k] += (v - mean[c]) * float64(values[1][c*classes+k])
			}
			if logits[k] > logits[best] {
				best = k
			}
		}
		sum := 0.0
		for _, l := range logits {
			sum += math.Exp(l - logits[label])
		}
		loss += math.Log(sum)
		if best == int(label) {
			accuracy++
		}
	}
	return accuracy / float64(d.Len()), loss / float64(d.Len())
}

// colour is the mean of an image's normalised channels.
func colour(d *cifar.Dataset, i int) (c [3]float64) {
	for p, v := range d.Pixels[i*cifar.ImageSize:][:cifar.ImageSize] {
		c[p%3] += (float64(v)/255 - float64(cifar.Mean[p%3])) / float64(cifar.Std[p%3]) / 1024
	}
	return c
}

// Every example counts once, whether the last batch is full or not.
func TestEvaluate(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		r, out := newToy(t, b, toy{}, t.TempDir(), toyConfig)
		running := tensors.FromFlatDataAndDimensions([]float32{-0.1, 0.2, 0.3}, 3)
		require.NoError(t, r.store.GetVariable("/norm/running_mean").SetValue(running))
		for _, n := range []int{1, 33, EvalBatch - 1, EvalBatch, EvalBatch + 1, 2 * EvalBatch, 613} {
			d := toyData(cifar.Test, n, uint64(n))
			accuracy, loss, err := r.Evaluate(context.Background(), d)
			require.NoError(t, err)
			wantAccuracy, wantLoss := reference(t, r, d, nil)
			require.InDelta(t, wantAccuracy, accuracy, 1e-12, "%d images", n)
			require.InDelta(t, wantLoss, loss, 1e-5, "%d images", n)
		}
		require.Empty(t, out.String())
	})
}

func TestEvaluateErrors(t *testing.T) {
	t.Parallel()
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), toyConfig)
	_, _, err := r.Evaluate(context.Background(), &cifar.Dataset{Split: cifar.Test})
	require.ErrorContains(t, err, "no images in test")
	_, _, err = r.Evaluate(context.Background(), &cifar.Dataset{Split: cifar.Test, Pixels: make([]uint8, cifar.ImageSize), Labels: []uint16{10}})
	require.EqualError(t, err, "runner: test has the label 10, but the network only 10 outputs")
	ctx := &countdown{Context: context.Background(), left: 1}
	_, _, err = r.Evaluate(ctx, toyData(cifar.Test, EvalBatch+1, 1))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, fmt.Sprintf("evaluation on test stopped at image %d of %d", EvalBatch, EvalBatch+1))
}

// Logits do not depend on how many images are predicted at once.
func TestPredict(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		r, _ := newToy(t, b, toy{classes: 4}, t.TempDir(), toyConfig)
		d := toyData(cifar.Test, 255, 3)
		all, err := r.Predict(d.Pixels)
		require.NoError(t, err)
		require.Len(t, all, 255)
		for _, n := range []int{1, 3, EvalBatch} {
			some, err := r.Predict(d.Pixels[:n*cifar.ImageSize])
			require.NoError(t, err)
			require.Len(t, some, n)
			for i, row := range some {
				require.Len(t, row, 4)
				require.InDeltaSlice(t, all[i], row, 1e-5, "image %d of %d", i, n)
			}
		}
		last, err := r.Predict(d.Pixels[254*cifar.ImageSize:])
		require.NoError(t, err)
		require.InDeltaSlice(t, all[254], last[0], 1e-5)

		right, loss := 0.0, 0.0
		for i, row := range all {
			p := metrics.Softmax(row)
			loss -= math.Log(p[d.Labels[i]])
			if metrics.TopK(p, 1)[0] == int(d.Labels[i]) {
				right++
			}
		}
		accuracy, meanLoss, err := r.Evaluate(context.Background(), d)
		require.NoError(t, err)
		require.InDelta(t, accuracy, right/255, 1e-12)
		require.InDelta(t, meanLoss, loss/255, 1e-5)
	})
}

func TestPredictErrors(t *testing.T) {
	t.Parallel()
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), toyConfig)
	for _, n := range []int{0, 1, cifar.ImageSize - 1, cifar.ImageSize + 1} {
		_, err := r.Predict(make([]uint8, n))
		require.ErrorContains(t, err, "want a positive multiple of 3072")
	}
}

// countdown is a context that ends after its Err has been called left times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left <= 0 {
		return context.Canceled
	}
	c.left--
	return nil
}
