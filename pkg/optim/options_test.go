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

// Each optimizer against its formula written out. The loss is Σ aᵢ·θᵢ³/3, whose gradient is a·θ².
func TestFormulas(t *testing.T) {
	t.Parallel()
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		for _, name := range Names {
			testFormula(t, b, name)
		}
	})
}

func testFormula(t *testing.T, b compute.Backend, name string) {
	const base, decay, momentum = 0.01, 0.5, 0.9
	store := model.NewStore()
	kernel, bias := []float32{0.5, -1.5}, []float32{2, 0.3}
	_, err := store.CreateVariable("/kernel", tensors.FromFlatDataAndDimensions(kernel, 2, 1))
	require.NoError(t, err)
	_, err = store.CreateVariable("/bias", tensors.FromFlatDataAndDimensions(bias, 2))
	require.NoError(t, err)
	options := Options{Name: name, LearningRate: base, WeightDecay: decay}
	if name == "momentum" || name == "nesterov" {
		options.Momentum = momentum
	}
	require.NoError(t, options.Validate())
	optimizer := options.New()
	step, err := model.NewExec(b, store, func(scope *model.Scope, a *graph.Node) *graph.Node {
		node := func(path string) *graph.Node {
			return graph.Reshape(scope.Store().GetVariable(path).NodeValue(a.Graph()), 2)
		}
		theta := graph.Concatenate([]*graph.Node{node("/kernel"), node("/bias")}, 0)
		loss := graph.MulScalar(graph.ReduceAllSum(graph.Mul(a, graph.PowScalar(theta, 3))), 1.0/3)
		optimizer.UpdateGraph(scope, a.Graph(), loss)
		return loss
	})
	require.NoError(t, err)
	defer step.Finalize()

	x := []float64{0.5, -1.5, 2, float64(float32(0.3))}
	m, v := make([]float64, 4), make([]float64, 4)
	for n := 1; n <= 5; n++ {
		rate := base * float64(n) / 3 // as with a schedule
		require.NoError(t, SetLearningRate(store, rate))
		a := []float32{1, -2, 0.5, float32(n)}
		_, err := step.Call(a)
		require.NoError(t, err)
		for i := range x {
			g := float64(a[i]) * x[i] * x[i]
			switch name {
			case "adamw":
				x[i] -= rate * decay * x[i]
			default:
				g += decay * x[i]
			}
			switch name {
			case "adam-l2", "adamw":
				m[i], v[i] = 0.9*m[i]+0.1*g, 0.999*v[i]+0.001*g*g
				k := float64(n)
				x[i] -= rate * m[i] / (1 - math.Pow(0.9, k)) / (math.Sqrt(v[i]/(1-math.Pow(0.999, k))) + 1e-8)
			case "sgd":
				x[i] -= rate * g
			case "momentum":
				m[i] = momentum*m[i] + g
				x[i] -= rate * m[i]
			case "nesterov":
				m[i] = momentum*m[i] + g
				x[i] -= rate * (g + momentum*m[i])
			}
		}
		var got []float64
		for _, path := range []string{"/kernel", "/bias"} {
			values, err := tensors.CopyFlatData[float32](store.GetVariable(path).MustValue())
			require.NoError(t, err)
			for _, f := range values {
				got = append(got, float64(f))
			}
		}
		require.InDeltaSlice(t, x, got, 1e-5, "%s, step %d", name, n)
	}
}
