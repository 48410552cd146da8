package parity

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/resnet"
)

// optimizers have the names of make.py's.
var optimizers = map[string]func(rate, decay float64) optimizer.Interface{
	"adam-l2":      optim.AdamL2,
	"adamw":        optim.AdamW,
	"sgd-momentum": func(rate, decay float64) optimizer.Interface { return optim.SGD(rate, 0.9, false, decay) },
	"sgd-nesterov": func(rate, decay float64) optimizer.Interface { return optim.SGD(rate, 0.9, true, decay) },
}

// TestOptimizers compares the parameters after each of 20 steps on the loss of make.py's bowl_fixture.
func TestOptimizers(t *testing.T) {
	onBackends(t, "xla go", func(t *testing.T, b compute.Backend) {
		for name, makeOptimizer := range optimizers {
			t.Run(name, func(t *testing.T) {
				var f struct {
					LR          float64
					WeightDecay float64 `json:"weight_decay"`
					Path        [][]float64
				}
				fixture(t, "bowl-"+name, &f)
				require.Len(t, f.Path, 20)
				testOptimizer(t, b, makeOptimizer(f.LR, f.WeightDecay), f.Path)
			})
		}
	})
}

func testOptimizer(t *testing.T, b compute.Backend, opt optimizer.Interface, path [][]float64) {
	n := len(path[0])
	numbers := func(name string, scale, shift float64) []float32 {
		values, next := make([]float32, n), uniform(name)
		for i := range values {
			values[i] = float32(shift + scale*next())
		}
		return values
	}
	curvature, minimum := numbers("curvature", 0.9, 1), numbers("minimum", 1, 0)
	store := model.NewStore()
	theta, err := store.CreateVariable("/theta", tensors.FromFlatDataAndDimensions(numbers("theta", 1, 0), n))
	require.NoError(t, err)
	step, err := model.NewExec(b, store, func(scope *model.Scope, divisor *graph.Node) *graph.Node {
		g := divisor.Graph()
		off := graph.Sub(theta.NodeValue(g), graph.Const(g, minimum))
		l := graph.Div(graph.ReduceAllSum(graph.Mul(graph.Square(off), graph.Const(g, curvature))), divisor)
		opt.UpdateGraph(scope, g, l)
		return l
	})
	require.NoError(t, err)
	defer step.Finalize()
	worst := 0.0
	for i, want := range path {
		_, err := step.Call(float32(1 + i%3))
		require.NoError(t, err)
		var got []float64
		for _, v := range floats(t, theta.MustValue()) {
			got = append(got, float64(v))
		}
		d, _ := apart(got, want)
		worst = max(worst, d)
		require.Less(t, d, 1e-5, "after step %d", i+1)
	}
	t.Logf("parameters differ by up to %.1e within 20 steps", worst)
	require.NoError(t, opt.Clear(store.RootScope()))
}

// curveFixture is what make.py's curve_fixture writes.
type curveFixture struct {
	Images      int
	LR          float64
	WeightDecay float64 `json:"weight_decay"`
	Float32     struct{ Losses, Moved float64 }
	Losses      []float64
	Moved       map[string]sketch
}

// TestCurves trains the custom network for 20 steps with each optimizer and compares the losses, and the
// change of each parameter and running statistic.
func TestCurves(t *testing.T) {
	for name, makeOptimizer := range optimizers {
		t.Run(name, func(t *testing.T) {
			var f curveFixture
			fixture(t, "curve-"+name, &f)
			always := map[string]string{"adam-l2": "xla go", "sgd-nesterov": "go"}[name]
			onBackends(t, always, func(t *testing.T, b compute.Backend) {
				t.Parallel()
				testCurve(t, b, makeOptimizer(f.LR, f.WeightDecay), f)
			})
		})
	}
}

func testCurve(t *testing.T, b compute.Backend, opt optimizer.Interface, f curveFixture) {
	c := resnet.Custom(cifar.Channels, cifar.NumClasses, true)
	store := network(t, c)
	defer store.Finalize()
	trainer := train.NewTrainer(b, store, func(scope *model.Scope, pixels *graph.Node) *graph.Node {
		return c.Logits(scope, cifar.Normalize(pixels))
	}, loss.SparseCategoricalCrossEntropyLogits, opt, nil, nil)
	defer trainer.ResetComputationGraphs()
	var losses []float64
	for range f.Losses {
		pixels, labels := batch(f.Images)
		metrics, err := trainer.TrainStep(train.Batch{Inputs: []*tensors.Tensor{pixels}, Labels: []*tensors.Tensor{labels}})
		require.NoError(t, err)
		losses = append(losses, float64(tensors.ToScalar[float32](metrics[0])))
	}
	worst, _ := apart(losses, f.Losses)

	// Squares are summed over all tensors: the change of the whole network counts.
	var off, all float64
	end := inTorchLayout(t, store, c.Params())
	for _, p := range c.Params() {
		way := end[p.Name]
		for i, start := range weight(p) {
			way[i] -= start
		}
		want, ok := f.Moved[p.Name]
		require.True(t, ok, p.Name)
		d := sketchOf(p.Name, way).distance(want)
		off, all = off+d*d, all+want.Norm*want.Norm
	}
	t.Logf("losses differ by up to %.1e (PyTorch's float32: %.1e), end points by %.1e of the way", worst, f.Float32.Losses, math.Sqrt(off/all))
	require.Less(t, worst, 1e-3)
	require.Less(t, math.Sqrt(off/all), 0.02)
}
