package runner

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
)

// envBatch sets the batch size of TestResNetOnBothBackends; the chapter's is 64.
const envBatch = "RESNET_BATCH"

// The chapter's network takes the same 20 steps on XLA and on pure Go, from the same weights.
//
// The learning rate is a five-hundredth of the chapter's. With the chapter's, two correct programs diverge after a few steps:
// where the input of a ReLU is within rounding of zero, one lets it through and the other does not. That is one activation in
// three million, and it changes the gradients of the layers below by a thousandth. Adam's first steps follow the sign of a
// gradient, whatever its size, and turn that into whole steps. XLA diverges from itself in the same way if it computes its
// convolutions by another algorithm of package nn.
func TestResNetOnBothBackends(t *testing.T) {
	if testing.Short() {
		t.Skip("trains the real network")
	}
	batch := 8
	if n, err := strconv.Atoi(os.Getenv(envBatch)); err == nil {
		batch = n
	}
	const steps = 20
	data := photographs(steps * batch)
	losses := func(b compute.Backend) []Step {
		c := Config{Epochs: 1, BatchSize: batch, LogSteps: 1000, EvalSteps: 1000, LearningRate: 2e-6, SaveEvery: time.Hour}
		r, _ := newToy(t, b, resnet.Custom(3, 10, true), t.TempDir(), c)
		require.NoError(t, r.Train(context.Background(), data, data.Take(2)))
		return r.History.Steps
	}
	onXLA, onGo := losses(xlaBackend(t)), losses(goBackend(t))
	largest := 0.0
	for i := range steps {
		t.Logf("step %2d: XLA %.6f, pure Go %.6f", i, onXLA[i].Loss, onGo[i].Loss)
		largest = max(largest, math.Abs(float64(onXLA[i].Loss-onGo[i].Loss)))
	}
	t.Logf("batch %d: largest difference %.1e", batch, largest)
	require.Less(t, largest, 1e-3)
	require.Greater(t, onXLA[0].Loss, float32(2.2), "10 classes, nothing learnt")
	require.Less(t, onXLA[0].Loss, float32(3.2))
}

// The real network, too, resumes bit for bit. This test runs with RESNET_BATCH set.
func TestResNetResume(t *testing.T) {
	batch, err := strconv.Atoi(os.Getenv(envBatch))
	if err != nil {
		t.Skipf("takes minutes: set $%s to 64", envBatch)
	}
	data := photographs(4 * batch)
	c := Config{Epochs: 2, BatchSize: batch, LogSteps: 1, EvalSteps: 3, SaveEvery: time.Hour}
	train := func(dir, stopAt string) (*checkpoint, error) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		r, out := newToy(t, xlaBackend(t), resnet.Library(), dir, c)
		out.on(stopAt, cancel)
		if err := r.Train(ctx, data, data.Take(100)); err != nil {
			return nil, err
		}
		return lastCheckpoint(t, r), nil
	}
	dir := t.TempDir()
	for _, stopAt := range []string{"step: 3/", "step: 5/"} {
		_, err = train(dir, stopAt)
		require.ErrorIs(t, err, ErrStopped)
	}
	got, err := train(dir, "never")
	require.NoError(t, err)
	want, err := train(t.TempDir(), "never")
	require.NoError(t, err)
	requireSame(t, want, got)
}

// photographs makes images with edges, textures and large areas, as photographs have, of ten classes.
func photographs(n int) *cifar.Dataset {
	rng := rand.New(rand.NewPCG(1, 3))
	d := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize), Labels: make([]uint16, n)}
	for i := range n {
		class := rng.IntN(10)
		d.Labels[i] = uint16(class)
		angle := math.Pi * (float64(class) + rng.Float64()) / 10 // the class is the direction of the waves
		frequency, phase := 0.2+rng.Float64(), 2*math.Pi*rng.Float64()
		for c := range 3 {
			base, strength := 60+130*rng.Float64(), 60*rng.Float64()
			for p := range 1024 {
				x, y := float64(p%32), float64(p/32)
				wave := math.Sin(phase + frequency*(x*math.Cos(angle)+y*math.Sin(angle)))
				d.Pixels[i*cifar.ImageSize+3*p+c] = uint8(min(255, max(0, base+strength*wave+15*rng.NormFloat64())))
			}
		}
	}
	return d
}
