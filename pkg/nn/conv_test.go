package nn

import (
	"fmt"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
)

func TestEvenKernel(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		for _, lowering := range Lowerings() {
			_, err := graph.ExecOnce(b, func(x, kernel *graph.Node) *graph.Node { return ConvolutionFor(b, lowering)(x, kernel, 1) },
				graphtest.Random(3, 6, 6, 4), graphtest.Random(2, 2, 4, 5))
			require.ErrorContains(t, err, "want an odd size")
		}
	})
}

// TestOddSizes covers maps that the network does not have: what the lowerings say they can do must be right.
func TestOddSizes(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		for _, c := range []struct{ size, kernel, stride int }{{5, 3, 1}, {5, 3, 2}, {3, 7, 2}, {2, 7, 2}, {1, 3, 1}, {6, 3, 1}, {7, 1, 2}, {2, 5, 1}} {
			lower := func(f Convolution) func([]*graph.Node) *graph.Node {
				return func(in []*graph.Node) *graph.Node { return f(in[0], in[1], c.stride) }
			}
			out := (c.size-1)/c.stride + 1
			t.Run(fmt.Sprint(c), func(t *testing.T) {
				graphtest.RequireSame(t, b, lower(nativeConvolution), lower(matmulConvolution), []int{3, out, out, 5},
					graphtest.Random(3, c.size, c.size, 4), graphtest.Random(c.kernel, c.kernel, 4, 5))
			})
		}
	})
}

// TestSpecialLowerings calls Winograd and the dense convolution at every kind of size that they accept, also where
// matmulConvolution prefers another.
func TestSpecialLowerings(t *testing.T) {
	b := graphtest.Start(t, "go")
	winograd := func(x, kernel *graph.Node, _ int) *graph.Node { return winogradConvolution(x, kernel) }
	dense := func(x, kernel *graph.Node, _ int) *graph.Node { return denseConvolution(x, kernel) }
	for _, c := range []struct {
		name         string
		convolve     Convolution
		size, kernel int
	}{
		{"winograd", winograd, 2, 3}, {"winograd", winograd, 4, 3}, {"winograd", winograd, 14, 3},
		{"dense", dense, 1, 3}, {"dense", dense, 2, 3}, {"dense", dense, 4, 7},
	} {
		t.Run(fmt.Sprintf("%s/%d×%d on %d×%d", c.name, c.kernel, c.kernel, c.size, c.size), func(t *testing.T) {
			lower := func(f Convolution) func([]*graph.Node) *graph.Node {
				return func(in []*graph.Node) *graph.Node { return f(in[0], in[1], 1) }
			}
			graphtest.RequireSame(t, b, lower(nativeConvolution), lower(c.convolve), []int{3, c.size, c.size, 5},
				graphtest.Random(3, c.size, c.size, 4), graphtest.Random(c.kernel, c.kernel, 4, 5))
		})
	}
}

// TestConvolutionFor: matrix products on every backend without a GPU, else the lowering asked for.
func TestConvolutionFor(t *testing.T) {
	b := graphtest.Start(t, "go")
	require.Equal(t, []string{"matmul", "native"}, Lowerings())
	same := func(f, g Convolution) bool { return fmt.Sprintf("%p", f) == fmt.Sprintf("%p", g) }
	require.True(t, same(matmulConvolution, ConvolutionFor(b, "")))
	require.True(t, same(nativeConvolution, ConvolutionFor(b, "native")))
	require.Nil(t, ConvolutionFor(b, "fft"))
}

func TestBFloat16Convolution(t *testing.T) {
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		out := graphtest.Call(t, b, func(in []*graph.Node) (out []*graph.Node) {
			for _, f := range []Convolution{nativeConvolution, Conv2DBFloat16} {
				y := f(in[0], in[1], 2)
				loss := graph.ReduceAllSum(graph.Square(y))
				out = append(append(out, y), graph.Gradient(loss, in...)...)
			}
			return out
		}, graphtest.Random(4, 8, 8, 16), graphtest.Random(3, 3, 16, 32))
		for i, name := range []string{"the output", "the gradient for x", "the gradient for the kernel"} {
			want, got := out[i], out[3+i]
			require.Equal(t, dtypes.Float32, got.DType(), name)
			e := graphtest.Distance(tensors.MustCopyFlatData[float32](want), tensors.MustCopyFlatData[float32](got))
			require.InDelta(t, 0.005, e, 0.00499, name)
		}
	})
}
