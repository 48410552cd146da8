package parity

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/safetensors"
)

// Limits on differences from PyTorch, relative to the largest logit and to a gradient's norm.
const (
	logitsLimit   = 1e-4
	gradientLimit = 1e-3
)

// networkFixture is what make.py's network_fixture writes.
type networkFixture struct {
	Classes, Images      int
	Depth                int
	Plain                bool
	Stem                 resnet.Stem
	Float32              struct{ Evaluation, Training, Loss, Gradients float64 }
	Loss                 float64
	Evaluation, Training struct {
		First [][]float64 // [images][10]
		All   sketch
	}
	Gradients map[string]sketch
}

func (f networkFixture) config() resnet.Config {
	return resnet.Config{Depth: f.Depth, InChannels: cifar.Channels, NumClasses: f.Classes, Plain: f.Plain, Stem: f.Stem}
}

// TestNetwork compares logits, loss and the gradient of every parameter.
func TestNetwork(t *testing.T) {
	for name, always := range map[string]string{"custom": "xla go", "library": "go", "plain": "go", "cifar-stem": "go", "34-layers": "go"} {
		t.Run(name, func(t *testing.T) {
			var f networkFixture
			fixture(t, "network-"+name, &f)
			onBackends(t, always, func(t *testing.T, b compute.Backend) { testNetwork(t, b, f, f.config()) })
		})
	}
}

// TestLowerings does the same for every way to compute a convolution.
func TestLowerings(t *testing.T) {
	if !thorough() {
		t.Skip("pkg/resnet compares them with each other; for PyTorch see \"make parity\"")
	}
	for _, lowering := range nn.Lowerings() {
		t.Run(lowering, func(t *testing.T) {
			var f networkFixture
			fixture(t, "network-custom", &f)
			c := f.config()
			c.Lowering = lowering
			testNetwork(t, start(t, "xla"), f, c)
		})
	}
}

func testNetwork(t *testing.T, b compute.Backend, f networkFixture, c resnet.Config) {
	t.Parallel()
	store := network(t, c)
	defer store.Finalize()
	evaluation := logits(t, b, store, c, f.Images, false)
	requireLogits(t, "evaluation", f.Evaluation.First, f.Evaluation.All, evaluation, f.Float32.Evaluation)

	training, lossValue, gradients := backward(t, b, store, c, f.Images)
	requireLogits(t, "training", f.Training.First, f.Training.All, training, f.Float32.Training)
	require.InDelta(t, f.Loss, lossValue, 1e-4)
	require.ElementsMatch(t, slices.Collect(maps.Keys(f.Gradients)), slices.Collect(maps.Keys(gradients)))
	worst, at := 0.0, ""
	for name, want := range f.Gradients {
		got := sketchOf(name, gradients[name])
		d := max(got.distance(want), math.Abs(got.Norm-want.Norm)) / want.Norm
		require.Less(t, d, gradientLimit, "gradient of %s", name)
		if d > worst {
			worst, at = d, name
		}
	}
	t.Logf("gradients: relative difference up to %.1e (%s); PyTorch's float32: %.1e", worst, at, f.Float32.Gradients)
}

// logits returns the network's output. In training mode this updates the store's running statistics.
func logits(t *testing.T, b compute.Backend, store *model.Store, c resnet.Config, n int, training bool) []float32 {
	exec, err := model.NewExec(b, store, func(scope *model.Scope, pixels *graph.Node) *graph.Node {
		scope.Store().SetTraining(pixels.Graph(), training)
		return c.Logits(scope, cifar.Normalize(pixels))
	})
	require.NoError(t, err)
	defer exec.Finalize()
	pixels, _ := batch(n)
	out, err := exec.Call1(pixels)
	require.NoError(t, err)
	return floats(t, out)
}

// backward runs the network in training mode and returns the gradients in PyTorch's layout.
func backward(t *testing.T, b compute.Backend, store *model.Store, c resnet.Config, n int) (logits []float32, lossValue float32, gradients map[string][]float32) {
	trainable := slices.DeleteFunc(c.Params(), func(p nn.Param) bool { return !p.Trainable })
	exec, err := model.NewExec(b, store, func(scope *model.Scope, pixels, labels *graph.Node) []*graph.Node {
		g := pixels.Graph()
		scope.Store().SetTraining(g, true)
		out := c.Logits(scope, cifar.Normalize(pixels))
		mean := graph.ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*graph.Node{labels}, []*graph.Node{out}))
		var weights []*graph.Node
		for _, p := range trainable {
			weights = append(weights, scope.Store().GetVariable(p.Path()).NodeValue(g))
		}
		return append([]*graph.Node{out, mean}, graph.Gradient(mean, weights...)...)
	})
	require.NoError(t, err)
	defer exec.Finalize()
	pixels, labels := batch(n)
	out, err := exec.Call(pixels, labels)
	require.NoError(t, err)
	grads := model.NewStore()
	for i, p := range trainable {
		_, err := grads.CreateVariable(p.Path(), out[2+i])
		require.NoError(t, err)
	}
	return floats(t, out[0]), tensors.ToScalar[float32](out[1]), inTorchLayout(t, grads, trainable)
}

// inTorchLayout returns a store's variables as exported for PyTorch.
func inTorchLayout(t *testing.T, store *model.Store, params []nn.Param) map[string][]float32 {
	var b bytes.Buffer
	require.NoError(t, nn.WriteWeights(&b, store, params, nil))
	f, err := safetensors.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	all := map[string][]float32{}
	for _, p := range params {
		raw, err := f.Tensor(p.Name)
		require.NoError(t, err)
		values := make([]float32, p.Size())
		_, err = binary.Decode(raw.Data, binary.LittleEndian, values)
		require.NoError(t, err)
		all[p.Name] = values
	}
	return all
}

// requireLogits compares the first ten logits of each image one by one and all of them by their sketch.
func requireLogits(t *testing.T, mode string, first [][]float64, all sketch, got []float32, float32Error float64) {
	t.Helper()
	var x, y []float64
	classes := len(got) / len(first)
	for i, row := range first {
		for j, want := range row {
			x, y = append(x, float64(got[i*classes+j])), append(y, want)
		}
	}
	_, relative := apart(x, y)
	d := sketchOf(mode, got).distance(all) / all.Norm
	t.Logf("%s logits: relative difference up to %.1e one by one, %.1e by norm; PyTorch's float32: %.1e by norm", mode, relative, d, float32Error)
	require.Less(t, relative, logitsLimit, mode)
	require.Less(t, d, logitsLimit, mode)
}
