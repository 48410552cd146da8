package optim

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"
	"nndl.example/resnet18/pkg/internal/graphtest"
)

// AdamL2 against Adam written out (Kingma and Ba 2015, algorithm 1) with λ·θ added to the gradient first. The
// loss is Σ aᵢ·θᵢ³/3 + Σ bⱼ·φⱼ², so that the gradients are a·θ² and 2·b·φ.
func TestAdamL2(t *testing.T) {
	t.Parallel()
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		for _, decay := range []float64{0, 0.005, 0.5} {
			testAdamL2(t, b, decay)
		}
	})
}

func testAdamL2(t *testing.T, b compute.Backend, decay float64) {
	const rate = 0.01
	theta, phi := []float32{0.5, -1.5, 2, 1e-4}, []float32{0.3, -0.7}
	fixed, unused := []float32{4}, []float32{5}
	store := model.NewStore()
	for _, v := range []struct {
		path      string
		values    []float32
		trainable bool
	}{{"/fixed", fixed, false}, {"/theta", theta, true}, {"/unused", unused, true}, {"/deep/phi", phi, true}} {
		made, err := store.CreateVariable(v.path, tensors.FromFlatDataAndDimensions(v.values, len(v.values)))
		require.NoError(t, err)
		made.SetTrainable(v.trainable)
	}
	optimizer := AdamL2(rate, decay)
	step, err := model.NewExec(b, store, func(scope *model.Scope, scale *graph.Node) *graph.Node {
		g := scale.Graph()
		node := func(path string) *graph.Node { return scope.Store().GetVariable(path).NodeValue(g) }
		cubes := graph.Mul(graph.Const(g, []float32{1, -2, 0.1, 30}), graph.MulScalar(graph.PowScalar(node("/theta"), 3), 1.0/3))
		squares := graph.Mul(graph.Const(g, []float32{3, -1}), graph.Square(node("/deep/phi")))
		loss := graph.Mul(scale, graph.Add(graph.ReduceAllSum(cubes), graph.ReduceAllSum(squares)))
		loss = graph.Add(loss, graph.ReduceAllSum(node("/fixed")))
		optimizer.UpdateGraph(scope, g, loss)
		return loss
	})
	require.NoError(t, err)
	defer step.Finalize()

	x := []float64{}
	for _, v := range append(theta[:4:4], phi...) {
		x = append(x, float64(v))
	}
	a := []float64{1, -2, float64(float32(0.1)), 30, 3, -1}
	m, v := make([]float64, 6), make([]float64, 6)
	for n := 1; n <= 6; n++ {
		scale := 1 / float64(n) // gradients of changing size, so that the moments matter
		_, err := step.Call(float32(scale))
		require.NoError(t, err)
		for i := range x {
			gradient := a[i] * x[i] * x[i]
			if i >= 4 {
				gradient = 2 * a[i] * x[i]
			}
			gradient = scale*gradient + decay*x[i]
			m[i] = 0.9*m[i] + 0.1*gradient
			v[i] = 0.999*v[i] + 0.001*gradient*gradient
			mHat, vHat := m[i]/(1-math.Pow(0.9, float64(n))), v[i]/(1-math.Pow(0.999, float64(n)))
			x[i] -= rate * mHat / (math.Sqrt(vHat) + 1e-8)
		}
		var got []float64
		for _, path := range []string{"/theta", "/deep/phi"} {
			values, err := tensors.CopyFlatData[float32](store.GetVariable(path).MustValue())
			require.NoError(t, err)
			for _, f := range values {
				got = append(got, float64(f))
			}
		}
		require.InDeltaSlice(t, x, got, 1e-6, "decay %g, step %d", decay, n)
	}
	require.Equal(t, fixed, store.GetVariable("/fixed").MustValue().Value())
	require.Equal(t, unused, store.GetVariable("/unused").MustValue().Value())
}
