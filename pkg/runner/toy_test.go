package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
)

// toy is a Model small enough for hundreds of training runs: the mean colour of an image, centred with a
// running mean as batch norm does it, and one dense layer.
type toy struct {
	classes int     // 0 means 10
	dropout float64 // to have a random state
	badEval bool    // NaN in evaluation
}

func (m toy) String() string { return fmt.Sprintf("toy with %d classes", m.numClasses()) }

func (m toy) numClasses() int {
	if m.classes == 0 {
		return cifar.NumClasses
	}
	return m.classes
}

func (m toy) Params() []nn.Param {
	return []nn.Param{
		{Name: "norm.running_mean", Dims: []int{3}},
		{Name: "fc.weight", Dims: []int{3, m.numClasses()}, Trainable: true},
		{Name: "fc.bias", Dims: []int{m.numClasses()}, Trainable: true},
	}
}

func (m toy) Init(store *model.Store, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	return nn.CreateVariables(store, m.Params(), func(p nn.Param) []float32 {
		values := make([]float32, p.Size())
		for i := range values {
			if p.Trainable {
				values[i] = float32(0.3 * rng.NormFloat64())
			}
		}
		return values
	})
}

func (m toy) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	g := images.Graph()
	get := func(name string) *model.Variable { return scope.Store().GetVariable(name) }
	x := graph.ReduceMean(images, 1, 2) // [batch, 3]
	mean := get("/norm/running_mean").NodeValue(g)
	if scope.IsTraining(g) {
		batch := graph.StopGradient(graph.ReduceMean(x, 0))
		get("/norm/running_mean").SetNodeValue(graph.Add(graph.MulScalar(mean, 0.9), graph.MulScalar(batch, 0.1)))
		mean = batch
	}
	x = graph.Sub(x, graph.InsertAxes(mean, 0))
	x = layers.DropoutStatic(scope, x, m.dropout)
	y := graph.Add(graph.MatMul(x, get("/fc/weight").NodeValue(g)), graph.InsertAxes(get("/fc/bias").NodeValue(g), 0))
	if m.badEval && !scope.IsTraining(g) {
		y = graph.Sqrt(graph.AddScalar(graph.Neg(graph.Square(y)), -1))
	}
	return y
}

// toyData makes images that a toy can learn: each class of three has one bright channel.
func toyData(split cifar.Split, n int, seed uint64) *cifar.Dataset {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := &cifar.Dataset{Split: split, Pixels: make([]uint8, n*cifar.ImageSize), Labels: make([]uint16, n), Origin: "made for this test"}
	for i := range d.Labels {
		d.Labels[i] = uint16(rng.IntN(3))
		var colour [3]int
		for c := range colour {
			colour[c] = rng.IntN(120)
		}
		colour[d.Labels[i]] += 60
		for p := range cifar.ImageSize {
			d.Pixels[i*cifar.ImageSize+p] = uint8(colour[p%3] + rng.IntN(40))
		}
	}
	return d
}

// A toy run has 3 epochs of 5 steps, the last smaller, and evaluations after steps 4, 8, 12 and 14.
var (
	toyTrain  = sync.OnceValue(func() *cifar.Dataset { return toyData(cifar.Train, 46, 1) })
	toyDev    = sync.OnceValue(func() *cifar.Dataset { return toyData(cifar.Dev, 33, 2) })
	toyConfig = Config{Epochs: 3, BatchSize: 10, LearningRate: 0.1, LogSteps: 1, EvalSteps: 4, SaveEvery: time.Hour}
)

func newToy(t *testing.T, b compute.Backend, m Model, dir string, c Config) (*Runner, *output) {
	t.Helper()
	r, err := New(b, m, dir, c)
	require.NoError(t, err)
	t.Cleanup(r.Finalize)
	out := &output{}
	r.Out = out
	return r, out
}

// trainToy trains in a folder, requires success and returns the last checkpoint.
func trainToy(t *testing.T, b compute.Backend, dir string, c Config) *checkpoint {
	t.Helper()
	r, _ := newToy(t, b, toy{}, dir, c)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	return lastCheckpoint(t, r)
}

func lastCheckpoint(t *testing.T, r *Runner) *checkpoint {
	t.Helper()
	paths, err := r.checkpoints()
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	c, err := readCheckpoint(paths[len(paths)-1], true)
	require.NoError(t, err)
	return c
}

// requireSame requires two runs to be equal bit for bit, apart from the time they took.
func requireSame(t *testing.T, want, got *checkpoint, msg ...any) {
	t.Helper()
	require.Equal(t, want.step, got.step, msg...)
	require.Equal(t, untimed(want.history.Steps), untimed(got.history.Steps), msg...)
	require.Equal(t, want.history.Evals, got.history.Evals, msg...)
	require.Equal(t, want.history.Log, got.history.Log, msg...)
	require.Equal(t, want.history.Best, got.history.Best, msg...)
	require.Equal(t, want.tensors, got.tensors, msg...)
}

// untimed are steps without the time they took.
func untimed(steps []Step) []Step {
	steps = slices.Clone(steps)
	for i := range steps {
		steps[i].Seconds = 0
	}
	return steps
}

// requireClean requires a folder without unfinished files.
func requireClean(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.False(t, strings.HasPrefix(e.Name(), "."), "unfinished file: %s", e.Name())
	}
}

// output records what a runner prints, and calls functions when it prints certain texts.
type output struct {
	bytes.Buffer
	when map[string]func()
}

func (o *output) Write(p []byte) (int, error) {
	for text, act := range o.when {
		if strings.Contains(string(p), text) {
			delete(o.when, text)
			act()
		}
	}
	return o.Buffer.Write(p)
}

func (o *output) on(text string, act func()) {
	if o.when == nil {
		o.when = map[string]func(){}
	}
	o.when[text] = act
}

var (
	pureGo = sync.OnceValues(func() (compute.Backend, error) { return backend.New("go", io.Discard) })
	xla    = sync.OnceValues(func() (compute.Backend, error) {
		backend.PrepareDevices(4) // the tests of devices use all of them
		return backend.New("xla:cpu", io.Discard)
	})
)

func goBackend(t testing.TB) compute.Backend {
	b, err := pureGo()
	require.NoError(t, err)
	return b
}

// onBackends runs a test on pure Go, and on XLA where that starts.
func onBackends(t *testing.T, test func(t *testing.T, b compute.Backend)) {
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		test(t, goBackend(t))
	})
	t.Run("xla", func(t *testing.T) {
		t.Parallel()
		test(t, xlaBackend(t))
	})
}

// xlaBackend skips a test where XLA does not start, or would have to be downloaded.
func xlaBackend(t testing.TB) compute.Backend {
	t.Helper()
	wheel, _ := filepath.Glob("../../.venv/lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so")
	if os.Getenv(backend.EnvPlugin) == "" && len(wheel) == 0 {
		t.Skipf("needs XLA on the CPU: run \"make setup\", or set $%s to the path of its plugin", backend.EnvPlugin)
	}
	b, err := xla()
	if err != nil {
		t.Skipf("needs XLA on the CPU: %v", err)
	}
	return b
}

// broken is a model whose weights cannot be made.
type broken struct{ toy }

func (broken) Init(*model.Store, uint64) error { return errors.New("no weights today") }

// stepSeconds returns the time that steps took together.
func stepSeconds(steps []Step) (sum float64) {
	for _, s := range steps {
		sum += float64(s.Seconds)
	}
	return sum
}
