package resnet

import (
	"fmt"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/stretchr/testify/require"
)

// shapes lists every different convolution of the network.
func convolutionShapes() map[string]conv {
	all := map[string]conv{}
	for _, c := range []Config{{}, {Stem: CIFARStem}} {
		stem, _, blocks := c.architecture(32)
		convs := []conv{stem}
		for _, b := range blocks {
			convs = append(convs, b.conv1, b.conv2)
			if b.projection != nil {
				convs = append(convs, *b.projection)
			}
		}
		for _, v := range convs {
			all[fmt.Sprintf("%dx%d_on_%d_stride_%d_%d_to_%d", v.kernel, v.kernel, v.sizeIn, v.stride, v.in, v.out)] = v
		}
	}
	return all
}

func TestConvolutionsAgree(t *testing.T) {
	onEach(t, func(t *testing.T, b compute.Backend) {
		for name, c := range convolutionShapes() {
			t.Run(name, func(t *testing.T) {
				batch := 2
				if testing.Short() && c.sizeIn*c.in > 1024 {
					t.Skip("large")
				}
				lower := func(f convolution) func([]*graph.Node) *graph.Node {
					return func(in []*graph.Node) *graph.Node { return f(in[0], in[1], c.stride) }
				}
				requireSame(t, b, lower(nativeConvolution), lower(matmulConvolution), []int{batch, c.sizeOut, c.sizeOut, c.out},
					random(batch, c.sizeIn, c.sizeIn, c.in), random(c.kernel, c.kernel, c.in, c.out))
			})
		}
	})
}

// TestOddSizes covers maps that the network does not have: what the lowerings say they can do must be right.
func TestOddSizes(t *testing.T) {
	onEach(t, func(t *testing.T, b compute.Backend) {
		for _, c := range []struct{ size, kernel, stride int }{{5, 3, 1}, {5, 3, 2}, {3, 7, 2}, {2, 7, 2}, {1, 3, 1}, {6, 3, 1}, {7, 1, 2}, {2, 5, 1}} {
			lower := func(f convolution) func([]*graph.Node) *graph.Node {
				return func(in []*graph.Node) *graph.Node { return f(in[0], in[1], c.stride) }
			}
			out := (c.size-1)/c.stride + 1
			t.Run(fmt.Sprint(c), func(t *testing.T) {
				requireSame(t, b, lower(nativeConvolution), lower(matmulConvolution), []int{3, out, out, 5},
					random(3, c.size, c.size, 4), random(c.kernel, c.kernel, 4, 5))
			})
		}
	})
}

func TestMaxPool(t *testing.T) {
	onEach(t, func(t *testing.T, b compute.Backend) {
		native := func(in []*graph.Node) *graph.Node {
			return graph.MaxPool(graph.Abs(in[0])).Window(3).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
		}
		ours := func(in []*graph.Node) *graph.Node { return maxPool(graph.Abs(in[0])) } // it stands behind a ReLU
		requireSame(t, b, native, ours, []int{2, 8, 8, 3}, random(2, 16, 16, 3))
	})
}

func TestRelu(t *testing.T) {
	onEach(t, func(t *testing.T, b compute.Backend) {
		ours := func(in []*graph.Node) *graph.Node { return relu(in[0]) }
		requireSame(t, b, func(in []*graph.Node) *graph.Node { return activation.Relu(in[0]) }, ours, []int{50, 2}, random(50, 2))
		out := call(t, b, func(in []*graph.Node) []*graph.Node {
			y := relu(in[0])
			return []*graph.Node{y, graph.Gradient(graph.ReduceAllSum(y), in[0])[0]}
		}, tensors.FromValue([]float32{-2, 0, 3}))
		require.Equal(t, []float32{0, 0, 3}, out[0].Value())
		require.Equal(t, []float32{0, 0, 1}, out[1].Value(), "at zero as in PyTorch")
	})
}

// TestBranches: the gradients of both branches arrive, also if they are asked for once more.
func TestBranches(t *testing.T) {
	onEach(t, func(t *testing.T, b compute.Backend) {
		plain := func(in []*graph.Node) *graph.Node {
			return graph.Add(graph.Square(in[0]), graph.MulScalar(in[0], 3))
		}
		ours := func(in []*graph.Node) *graph.Node {
			body, shortcut := branches(in[0])
			y := graph.Add(graph.Square(body), graph.MulScalar(shortcut, 3))
			graph.Gradient(graph.ReduceAllSum(y), in[0])
			return y
		}
		requireSame(t, b, plain, ours, []int{2, 3, 3, 5}, random(2, 3, 3, 5))
	})
}

func TestProduct(t *testing.T) {
	onEach(t, func(t *testing.T, b compute.Backend) {
		for _, rows := range []int{1, 2, 64, 256, 1024, 8193} {
			t.Run(fmt.Sprint(rows), func(t *testing.T) {
				plain := func(in []*graph.Node) *graph.Node { return graph.MatMul(in[0], in[1]) }
				ours := func(in []*graph.Node) *graph.Node { return product(in[0], in[1]) }
				requireSame(t, b, plain, ours, []int{rows, 5}, random(rows, 7), random(7, 5))
			})
		}
	})
}

// TestSharedInput: a gradient of its own must be added to those of other uses of the same input.
func TestSharedInput(t *testing.T) {
	onEach(t, func(t *testing.T, b compute.Backend) {
		with := func(f func(a, w *graph.Node) *graph.Node) func(in []*graph.Node) *graph.Node {
			return func(in []*graph.Node) *graph.Node {
				a, w := in[0], in[1]
				return graph.Add(f(f(a, w), w), graph.Mul(a, a))
			}
		}
		requireSame(t, b, with(func(a, w *graph.Node) *graph.Node { return graph.MatMul(a, w) }), with(product), []int{6, 6}, random(6, 6), random(6, 6))
	})
}
