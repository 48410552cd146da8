package metrics

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCrossEntropies(t *testing.T) {
	t.Parallel()
	losses := CrossEntropies([][]float32{{0, 0}, {0, 100}, {100, 0}}, []uint16{1, 1, 1})
	require.InDeltaSlice(t, []float64{math.Ln2, 0, 100}, losses, 1e-9)
	require.InDelta(t, 6e38, CrossEntropies([][]float32{{-3e38, 3e38}}, []uint16{0})[0], 1e33, "no overflow")
	require.InDelta(t, math.Sqrt(10), LogitStd([][]float32{{1, 3}, {10, 16}}), 1e-9, "the root of the mean variance within the rows")
}

func TestSoftmax(t *testing.T) {
	t.Parallel()
	require.Empty(t, Softmax(nil))
	require.InDeltaSlice(t, []float64{0.25, 0.25, 0.25, 0.25}, Softmax([]float32{7, 7, 7, 7}), 1e-15)
	require.InDeltaSlice(t, []float64{1 / (1 + math.E), math.E / (1 + math.E)}, Softmax([]float32{1, 2}), 1e-15)
	require.InDeltaSlice(t, []float64{0, 1}, Softmax([]float32{-3e38, 3e38}), 1e-15)
}

func TestTopK(t *testing.T) {
	t.Parallel()
	v := []float64{0.1, 0.4, 0.05, 0.4, 0.05}
	require.Equal(t, []int{1, 3, 0}, TopK(v, 3), "of equal values the first comes first")
	require.Equal(t, []int{1, 3, 0, 2, 4}, TopK(v, 9))
	require.Empty(t, TopK(v, 0))
	require.Empty(t, TopK(v, -1))
	require.Empty(t, TopK(nil, 2))
}
