package exercises

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	_ "github.com/gomlx/compute/gobackend"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/resnet"
)

// backend returns GoMLX's pure-Go backend, which needs no compilation.
func backend(t *testing.T) compute.Backend {
	b, err := compute.NewWithConfig("go:ops_sequential")
	require.NoError(t, err)
	t.Cleanup(b.Finalize)
	return b
}

func TestCountLayers(t *testing.T) {
	t.Parallel()
	for _, c := range []resnet.Config{resnet.Library(), resnet.Custom(3, 10, true), resnet.Custom(3, 10, false)} {
		require.Equal(t, 18, CountLayers(c.Summary()), c)
	}
}

func TestConvolve2D(t *testing.T) {
	t.Parallel()
	x := [][]float64{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}
	third := []float64{1. / 9, 1. / 9, 1. / 9}
	blurred := Convolve2D(x, [][]float64{third, third, third}, 2)
	require.Len(t, blurred, 2, "stride 2: positions 0 and 2")
	require.InDeltaSlice(t, []float64{12. / 9, 16. / 9}, blurred[0], 1e-12)
	left := Convolve2D(x, [][]float64{{0, 0, 0}, {0, 0, 1}, {0, 0, 0}}, 1)
	require.Equal(t, [][]float64{{2, 3, 0}, {5, 6, 0}, {8, 9, 0}}, left)
	corner := make([][]float64, 5) // takes the number two columns to the right and two rows up
	for i := range corner {
		corner[i] = make([]float64, 5)
	}
	corner[0][4] = 1
	require.Equal(t, [][]float64{{0, 0, 0}, {0, 0, 0}, {3, 0, 0}}, Convolve2D(x, corner, 1))
}

func TestBatchNorm(t *testing.T) {
	t.Parallel()
	y, mean, variance := BatchNorm([]float64{2, 4, 4, 6}, 1, 0, 1, 2)
	require.InDeltaSlice(t, []float64{-math.Sqrt2, 0, 0, math.Sqrt2}, y, 1e-5)
	require.InDelta(t, 0.9+0.4, mean, 1e-12)
	require.InDelta(t, 0.9*2+0.1*8.0/3, variance, 1e-12)
	y, _, _ = BatchNorm([]float64{-1, 1}, 3, 10, 0, 1)
	require.InDeltaSlice(t, []float64{7, 13}, y, 1e-4)
}

func TestInitialLoss(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 7.30, InitialLoss(1000, 0.89), 0.005, "the loss in the chapter")
	require.InDelta(t, 4.85, InitialLoss(100, 0.7), 0.005)
}

func TestLiveKernelWeights(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ size, k, stride, want int }{
		{32, 7, 2, 49}, {8, 3, 1, 9}, {2, 3, 1, 9}, {2, 3, 2, 4}, {1, 3, 1, 1}, {1, 1, 1, 1}, {3, 3, 2, 9},
	} {
		require.Equal(t, c.want, LiveKernelWeights(c.size, c.k, c.stride), c)
	}
	// The last stage of the library network: one convolution with stride 2 on 2×2, three on 1×1, and the projection.
	live := LiveKernelWeights(2, 3, 2)*256*512 + 3*LiveKernelWeights(1, 3, 1)*512*512 + 256*512
	want := 0
	for _, l := range resnet.Library().Summary().Layers {
		if len(l.Name) > 6 && l.Name[:6] == "layer4" {
			want += l.Live - 2*512 // without batch norm
		}
	}
	require.Equal(t, want, live)
}
