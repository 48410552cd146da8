package nn

import (
	"fmt"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
)

func TestMaxPool(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		native := func(in []*graph.Node) *graph.Node {
			return graph.MaxPool(graph.Abs(in[0])).Window(3).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
		}
		ours := func(in []*graph.Node) *graph.Node { return MaxPoolStem(graph.Abs(in[0])) } // its input is a ReLU's output
		graphtest.RequireSame(t, b, native, ours, []int{2, 8, 8, 3}, graphtest.Random(2, 16, 16, 3))
	})
}

func TestReLU(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		ours := func(in []*graph.Node) *graph.Node { return ReLU(in[0]) }
		graphtest.RequireSame(t, b, func(in []*graph.Node) *graph.Node { return activation.Relu(in[0]) }, ours, []int{50, 2}, graphtest.Random(50, 2))
		out := graphtest.Call(t, b, func(in []*graph.Node) []*graph.Node {
			y := ReLU(in[0])
			return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(y), in[0])[0]}
		}, tensors.FromValue([]float32{-2, 0, 3}))
		require.Equal(t, []float32{0, 0, 3}, out[0].Value())
		require.Equal(t, []float32{0, 0, 1}, out[1].Value(), "at zero as in PyTorch")
	})
}

// TestFork: the gradients of both paths arrive, also when the gradient is built twice.
func TestFork(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		plain := func(in []*graph.Node) *graph.Node {
			return graph.Add(graph.Square(in[0]), graph.MulScalar(in[0], 3))
		}
		ours := func(in []*graph.Node) *graph.Node {
			body, shortcut := Fork(in[0])
			y := graph.Add(graph.Square(body), graph.MulScalar(shortcut, 3))
			graph.Gradient(graph.ReduceAllSum(y), in[0])
			return y
		}
		graphtest.RequireSame(t, b, plain, ours, []int{2, 3, 3, 5}, graphtest.Random(2, 3, 3, 5))
	})
}

func TestLinear(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		for _, rows := range []int{1, 2, 64, 256, 1024, 8193} {
			t.Run(fmt.Sprint(rows), func(t *testing.T) {
				plain := func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }
				ours := func(in []*graph.Node) *graph.Node { return Linear(in[0], in[1]) }
				graphtest.RequireSame(t, b, plain, ours, []int{rows, 5}, graphtest.Random(rows, 7), graphtest.Random(7, 5))
			})
		}
	})
}

// TestSharedInput: a custom gradient must be added to those of other uses of the same input.
func TestSharedInput(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		with := func(f func(a, w *graph.Node) *graph.Node) func(in []*graph.Node) *graph.Node {
			return func(in []*graph.Node) *graph.Node {
				a, w := in[0], in[1]
				return graph.Add(f(f(a, w), w), graph.Mul(a, a))
			}
		}
		graphtest.RequireSame(t, b, with(func(a, w *graph.Node) *graph.Node { return graph.MatMul(a, w) }), with(Linear), []int{6, 6}, graphtest.Random(6, 6), graphtest.Random(6, 6))
	})
}
