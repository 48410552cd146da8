package parity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/experiments"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/runner"
)

// Limits on differences from PyTorch. The comments give the largest difference measured on XLA and pure Go.
const (
	lossLimit      = 1e-5 // 7.4e-7
	changeLimit    = 1e-4 // of a tensor's change, relative: 1.2e-5
	preciseLimit   = 1e-4 // of the running statistics, relative: 7.0e-6
	whiteningLimit = 2e-5 // relative to the largest weight of a channel: 2.5e-6
)

// modernFixture is what modern.py's fixture writes.
type modernFixture struct {
	Config      runner.Config
	Widths      [3]int
	Images, Dev int
	HeadScale   float32 `json:"head_scale"` // of the formula's last layer
	Float32     struct{ Losses, Moved, Precise, Logits float64 }
	Batches     []string    // SHA-256 of each batch's pixels and labels
	Whitening   [][]float64 // [12][12]: the first half of the kernel, each row in PyTorch's order: channel, row, column
	Rates       []float64   // learning rate of each step
	Losses      []float64
	Moved       map[int]map[string]sketch // after the steps that lookahead follows: the change of each tensor
	Precise     map[string]sketch         // the statistics of precise batch norm
	DevLoss     float64                   `json:"dev_loss"`
	Evaluation  struct {
		First [][]float64
		All   sketch
	}
}

// narrowNet is airbench's network with fewer channels than its convolutions need to start as identities. Import sets its weights.
type narrowNet struct{ airbench.Net }

// Init implements runner.Model.
func (n narrowNet) Init(store *model.Store, _ uint64) error {
	return nn.CreateVariables(store, n.Params(), func(p nn.Param) []float32 { return make([]float32, p.Size()) })
}

// data returns the training images and the dev images.
func (f modernFixture) data() (train, dev *cifar.Dataset) {
	pixels, ids := images(f.Images + f.Dev)
	labels := make([]uint16, len(ids))
	for i, l := range ids {
		labels[i] = uint16(l)
	}
	at := f.Images * cifar.ImageSize
	return &cifar.Dataset{Split: cifar.Train, Pixels: pixels[:at], Labels: labels[:f.Images]},
		&cifar.Dataset{Split: cifar.Dev, Pixels: pixels[at:], Labels: labels[f.Images:]}
}

// TestModernConfig: the fixture's recipe is that of notebook 07's row, up to the numbers that depend on the length of the training.
// If the row has changed, change modern.py and make the fixture again.
func TestModernConfig(t *testing.T) {
	var f modernFixture
	fixture(t, "modern", &f)
	row, err := experiments.Find("modern-muon")
	require.NoError(t, err)
	want := row.Config.Recipe
	want.Lookahead, want.PreciseNorm = f.Config.Recipe.Lookahead, f.Config.Recipe.PreciseNorm
	require.Equal(t, want, f.Config.Recipe)
	require.InEpsilon(t, row.Config.LearningRate, f.Config.LearningRate, 1e-8)
	require.InEpsilon(t, row.Config.WeightDecay, f.Config.WeightDecay, 1e-8)
}

// TestModernBatches: every batch of all epochs has the same bytes as numpy's, with Go's random numbers computed in Python.
func TestModernBatches(t *testing.T) {
	var f modernFixture
	fixture(t, "modern", &f)
	onBackends(t, "xla go", func(t *testing.T, b compute.Backend) {
		train, _ := f.data()
		loader, err := cifar.NewLoader(b, train, f.Config.BatchSize, f.Config.Seed)
		require.NoError(t, err)
		defer loader.Finalize()
		require.NoError(t, loader.Augment(f.Config.Recipe.Augment))
		var got []string
		for epoch := range f.Config.Epochs {
			for batch, err := range loader.Epoch(epoch, 0) {
				require.NoError(t, err)
				pixels, err := tensors.CopyFlatData[uint8](batch.Inputs[0])
				require.NoError(t, err)
				labels, err := tensors.CopyFlatData[int32](batch.Labels[0])
				require.NoError(t, err)
				for _, l := range labels {
					pixels = append(pixels, uint8(l))
				}
				sum := sha256.Sum256(pixels)
				got = append(got, hex.EncodeToString(sum[:]))
			}
		}
		require.Equal(t, f.Batches, got)
	})
}

// whitening returns the whitening kernel in PyTorch's layout, with the signs of the fixture's: a direction and its negative are both
// among the channels, and eigenvectors do not say which comes first.
func whitening(f modernFixture, train *cifar.Dataset) [24][12]float32 {
	kernel := airbench.Whitening(train) // [2, 2, 3, 24]
	var rows [24][12]float32
	for channel := range rows {
		for i := range rows[channel] {
			c, position := i/4, i%4
			rows[channel][i] = kernel[(3*position+c)*24+channel]
		}
	}
	for j := range 12 {
		dot := 0.0
		for i, v := range f.Whitening[j] {
			dot += v * float64(rows[j][i])
		}
		if dot < 0 {
			rows[j], rows[j+12] = rows[j+12], rows[j]
		}
	}
	return rows
}

// TestWhitening compares the kernel with that of torch.linalg.eigh.
func TestWhitening(t *testing.T) {
	var f modernFixture
	fixture(t, "modern", &f)
	train, _ := f.data()
	rows, worst := whitening(f, train), 0.0
	for j, want := range f.Whitening {
		var first, second []float64
		for i := range want {
			first = append(first, float64(rows[j][i]))
			second = append(second, -float64(rows[j+12][i]))
		}
		require.Equal(t, first, second, "channel %d is the negative of channel %d", j+12, j)
		_, d := apart(first, want)
		worst = max(worst, d)
	}
	t.Logf("kernel: relative difference up to %.1e", worst)
	require.Less(t, worst, whiteningLimit)
}

// TestModern trains with the modern recipe and compares losses, learning rates, the change of every tensor, batch norm's statistics,
// and the logits of test-time augmentation.
func TestModern(t *testing.T) {
	var f modernFixture
	fixture(t, "modern", &f)
	onBackends(t, "xla go", func(t *testing.T, b compute.Backend) {
		t.Parallel()
		testModern(t, b, f)
	})
}

func testModern(t *testing.T, b compute.Backend, f modernFixture) {
	net := narrowNet{airbench.Net{Widths: f.Widths}}
	train, dev := f.data()
	start := modernWeights(t, f, net, train)
	path := filepath.Join(t.TempDir(), "start.safetensors")
	file := weightsFile(t, net.Params(), func(p nn.Param) []float32 { return start[p.Name] })
	require.NoError(t, os.WriteFile(path, file, 0o600))
	r, err := runner.New(b, net, t.TempDir(), f.Config)
	require.NoError(t, err)
	defer r.Finalize()
	r.Out = io.Discard
	require.NoError(t, r.Import(path, false))

	changes := map[string]float64{} // differences from PyTorch's
	r.OnStep(func(step int, _ runner.Step) error {
		if f.Moved[step+1] == nil {
			return nil
		}
		end := inTorchLayout(t, r.Store(), net.Params())
		require.Equal(t, start["whiten.weight"], end["whiten.weight"], "the whitening is frozen")
		for name, want := range f.Moved[step+1] {
			for i, s := range start[name] {
				end[name][i] -= s
			}
			changes[fmt.Sprintf("%s, %d steps", name, step+1)] = sketchOf(name, end[name]).distance(want) / want.Norm
		}
		return nil
	})
	require.NoError(t, r.Train(context.Background(), train, dev))

	var losses, rates []float64
	for _, s := range r.History.Steps {
		losses, rates = append(losses, float64(s.Loss)), append(rates, float64(s.LearningRate))
	}
	require.InEpsilonSlice(t, f.Rates, rates, 1e-6)
	d, _ := apart(losses, f.Losses)
	t.Logf("losses differ by up to %.1e; PyTorch's float32: %.1e", d, f.Float32.Losses)
	require.Less(t, d, lossLimit)
	require.Len(t, changes, 4*26) // after steps 1, 3, 6 and 9
	requireSmall(t, "changes", changes, changeLimit, f.Float32.Moved)

	precise := map[string]float64{}
	end := inTorchLayout(t, r.Store(), net.Params())
	for name, want := range f.Precise {
		precise[name] = sketchOf(name, end[name]).distance(want) / want.Norm
	}
	require.Len(t, precise, 12)
	requireSmall(t, "statistics", precise, preciseLimit, f.Float32.Precise)
	logits, err := r.Predict(dev.Pixels)
	require.NoError(t, err)
	requireLogits(t, "evaluation", f.Evaluation.First, f.Evaluation.All, slices.Concat(logits...), f.Float32.Logits)
	require.Len(t, r.History.Evals, 1)
	require.InDelta(t, f.DevLoss, r.History.Evals[0].Loss, lossLimit)
}

// requireSmall compares the largest difference with the limit.
func requireSmall(t *testing.T, what string, differences map[string]float64, limit, float32Error float64) {
	t.Helper()
	names := slices.SortedFunc(maps.Keys(differences), func(a, b string) int { return cmp.Compare(differences[b], differences[a]) })
	worst := differences[names[0]]
	t.Logf("%s: relative difference up to %.1e (%s); PyTorch's float32: %.1e", what, worst, names[0], float32Error)
	require.Less(t, worst, limit, names[0])
}

// modernWeights returns the initial weights and statistics in PyTorch's layout.
func modernWeights(t *testing.T, f modernFixture, net narrowNet, train *cifar.Dataset) map[string][]float32 {
	start := map[string][]float32{}
	for _, p := range net.Params() {
		start[p.Name] = weight(p)
	}
	for i := range start["fc.weight"] {
		start["fc.weight"][i] *= f.HeadScale
	}
	start["whiten.weight"] = nil
	for _, row := range whitening(f, train) {
		start["whiten.weight"] = append(start["whiten.weight"], row[:]...)
	}
	return start
}
