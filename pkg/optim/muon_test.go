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

// rotated is U·diag(σ)·Vᵀ, [rows, 2], with U's columns two unit vectors at right angles and V a rotation.
func rotated(rows int, sigma [2]float64) [][]float32 {
	c, s := math.Cos(0.7), math.Sin(0.7)
	out := make([][]float32, rows)
	for i := range rows {
		u := [2]float64{1 / math.Sqrt(float64(rows)), 0}
		if i < 2 {
			u[1] = []float64{1, -1}[i] / math.Sqrt2
		}
		x, y := u[0]*sigma[0], u[1]*sigma[1]
		out[i] = []float32{float32(c*x + s*y), float32(-s*x + c*y)}
	}
	return out
}

// newtonSchulz is what the iteration does to singular values, by the polynomial alone.
func newtonSchulz(sigma [2]float64) [2]float64 {
	norm := math.Hypot(sigma[0], sigma[1])
	for i, x := range sigma {
		x /= norm
		for range muonIterations {
			x = 3.4445*x - 4.7750*math.Pow(x, 3) + 2.0315*math.Pow(x, 5)
		}
		sigma[i] = x
	}
	return sigma
}

// The singular vectors stay, and the singular values follow the polynomial, for tall and for wide matrices.
func TestOrthogonalized(t *testing.T) {
	t.Parallel()
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		for _, sigma := range [][2]float64{{3, 2}, {1, 1}, {100, 10}, {1e-3, 2e-3}, {1, 0.05}} {
			want := rotated(6, newtonSchulz(sigma))
			for _, wide := range []bool{false, true} {
				got, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node {
					if wide {
						return graph.Transpose(orthogonalized(graph.Transpose(x, 0, 1)), 0, 1)
					}
					return orthogonalized(x)
				}, rotated(6, sigma))
				require.NoError(t, err)
				for i, row := range got.Value().([][]float32) {
					require.InDeltaSlice(t, want[i], row, 2e-4, "%v wide=%v row %d", sigma, wide, i)
				}
			}
		}
	})
}

// Steps of Muon: a convolution's kernel gets its norm and goes along the orthogonalized Nesterov momentum, without weight decay,
// at its own rate and momentum; a dense layer's kernel is left to SGD. The loss is Σ a·θ, whose gradient is a. All gradients have
// the same singular vectors, so those of their sums are known.
func TestMuonStep(t *testing.T) {
	t.Parallel()
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		const rate, muonRate, muonMomentum, decay, momentum = 0.1, 0.02, 0.6, 0.5, 0.8
		theta := rotated(6, [2]float64{2, 1})
		store := model.NewStore()
		flat := func(rows [][]float32) (out []float32) {
			for _, r := range rows {
				out = append(out, r...)
			}
			return out
		}
		kernel, err := store.CreateVariable("/conv/weight", tensors.FromFlatDataAndDimensions(flat(theta), 1, 2, 3, 2))
		require.NoError(t, err)
		dense, err := store.CreateVariable("/fc/weight", tensors.FromFlatDataAndDimensions(flat(theta), 6, 2))
		require.NoError(t, err)
		optimizer := Options{Name: "nesterov", LearningRate: rate, WeightDecay: decay, Momentum: momentum, MuonRate: muonRate, MuonMomentum: muonMomentum}.New()
		step, err := model.NewExec(b, store, func(scope *model.Scope, a *graph.Node) *graph.Node {
			sum := graph.Add(graph.Reshape(kernel.NodeValue(a.Graph()), 6, 2), dense.NodeValue(a.Graph()))
			loss := graph.ReduceAllSum(graph.Mul(a, sum))
			optimizer.UpdateGraph(scope, a.Graph(), loss)
			return loss
		})
		require.NoError(t, err)
		defer step.Finalize()

		x, y := flat(theta), flat(theta)
		momentumOf := make([]float64, len(y))
		var muonOf, ahead [2]float64 // singular values of Muon's momentum, and of Nesterov's step
		for _, sigma := range [][2]float64{{1, 3}, {4, 1}, {0.5, 2}} {
			a := flat(rotated(6, sigma))
			_, err := step.Call(rotated(6, sigma))
			require.NoError(t, err)
			for i, s := range sigma {
				muonOf[i] = muonMomentum*muonOf[i] + s
				ahead[i] = s + muonMomentum*muonOf[i]
			}
			direction := flat(rotated(6, newtonSchulz(ahead)))
			norm := 0.0
			for _, w := range x {
				norm += float64(w) * float64(w)
			}
			for i := range x {
				x[i] = float32(math.Sqrt2/math.Sqrt(norm)*float64(x[i]) - muonRate*float64(direction[i]))
				g := float64(a[i]) + decay*float64(y[i])
				momentumOf[i] = momentum*momentumOf[i] + g
				y[i] -= float32(rate * (g + momentum*momentumOf[i]))
			}
			for want, v := range map[*[]float32]*model.Variable{&x: kernel, &y: dense} {
				got, err := tensors.CopyFlatData[float32](v.MustValue())
				require.NoError(t, err)
				require.InDeltaSlice(t, *want, got, 1e-4, v.Path())
			}
		}
	})
}
