package chart

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDownsample(t *testing.T) {
	t.Parallel()
	x, y := make([]float64, 100_000), make([]float64, 100_000)
	for i := range x {
		x[i], y[i] = float64(i), math.Sin(float64(i)/500)
	}
	y[70_001], y[70_002] = 9, -9
	tx, ty, at := downsample(x, y, 12_345, 480)
	require.Equal(t, 12_345.0, tx[at], "the point to keep must stay")
	require.Contains(t, ty, 9.0, "a peak of one step must stay")
	require.Contains(t, ty, -9.0)
	require.Equal(t, 0.0, tx[0])
	require.Equal(t, 99_999.0, tx[len(tx)-1])
	require.LessOrEqual(t, len(tx), 2*480+5)
	require.IsIncreasing(t, tx)
}
