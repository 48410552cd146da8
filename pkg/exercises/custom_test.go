package exercises

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/resnet"
)

func TestLargestDifference(t *testing.T) {
	t.Parallel()
	a := [][]float32{{1, 2}, {3, 4}}
	d, err := LargestDifference(a, [][]float32{{1, 2}, {3, 14}}) // all differences are negative or 0
	require.NoError(t, err)
	require.Equal(t, 10.0, d)
	d, err = LargestDifference([][]float32{{1, 2}, {3, 14}}, a) // all are positive or 0
	require.NoError(t, err)
	require.Equal(t, 10.0, d)
	nan := float32(math.NaN())
	for _, b := range [][][]float32{{{1, 2}}, {{1, 2}, {3}}, {{1, 2}, {3, nan}}} {
		_, err := LargestDifference(a, b)
		require.Error(t, err, b)
	}
}

func TestMissingVariables(t *testing.T) {
	t.Parallel()
	with, without := resnet.Custom(3, 10, true), resnet.Custom(3, 10, false)
	names := MissingVariables(with, without)
	require.Len(t, names, 3*5, "three projections, each with a kernel and four variables of batch norm")
	require.Contains(t, names, "layer2.0.downsample.0.weight")
	require.Empty(t, MissingVariables(without, with))
	require.Empty(t, MissingVariables(with, resnet.Library()), "same names, other sizes")
}

func TestRunsNeeded(t *testing.T) {
	t.Parallel()
	require.Equal(t, 8, RunsNeeded(0.005, 0.005))
	require.Equal(t, 2, RunsNeeded(0.01, 0.005))
	require.Equal(t, 50, RunsNeeded(0.002, 0.005))
}
