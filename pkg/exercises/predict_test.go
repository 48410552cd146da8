package exercises

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/metrics"
)

func TestSoftmax(t *testing.T) {
	t.Parallel()
	small, large := Softmax([]float64{1, 2, 3}), Softmax([]float64{1001, 1002, 1003})
	require.InDeltaSlice(t, small, large, 1e-12)
	require.InDeltaSlice(t, metrics.Softmax([]float32{1, 2, 3}), small, 1e-12)
	require.InDelta(t, 1, small[0]+small[1]+small[2], 1e-12)
	require.InDeltaSlice(t, []float64{0, 1}, Softmax([]float64{0, 2000}), 1e-12)
}

func TestShift(t *testing.T) {
	t.Parallel()
	pixels := make([]uint8, cifar.ImageSize)
	for p := range cifar.ImageSize / 3 {
		pixels[3*p], pixels[3*p+1] = uint8(p%32), uint8(p/32) // each pixel holds its column and row
	}
	moved := Shift(pixels, 2, 5)
	require.Len(t, moved, cifar.ImageSize)
	at := 3 * (32*7 + 4)
	require.Equal(t, []uint8{2, 2}, moved[at:at+2], "column 4, row 7 comes from column 2, row 2")
	require.Equal(t, []uint8{0, 0, 0, 1}, []uint8{moved[0], moved[3], moved[6], moved[9]}, "the border repeats the edge")
	require.Equal(t, uint8(31), Shift(pixels, -3, 0)[3*31])
	require.Equal(t, pixels, Shift(pixels, 0, 0))
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	predictions := []metrics.Prediction{{Label: 1, Class: 1, Probability: 0.9}, {Label: 1, Class: 2, Probability: 0.5},
		{Label: 1, Class: 1, Probability: 0.6}, {Label: 2, Class: 1, Probability: 0.8}}
	share, accuracy := Coverage(predictions, []float64{0, 0.55, 0.85, 0.95})
	require.Equal(t, []float64{1, 0.75, 0.25, 0}, share)
	require.InDeltaSlice(t, []float64{0.5, 2.0 / 3, 1, 1}, accuracy, 1e-12)
}

func TestEntropy(t *testing.T) {
	t.Parallel()
	require.Equal(t, 0.0, Entropy([]float64{0, 1, 0}))
	require.InDelta(t, math.Log(4), Entropy([]float64{0.25, 0.25, 0.25, 0.25}), 1e-12)
	require.Less(t, Entropy([]float64{0.9, 0.1}), Entropy([]float64{0.6, 0.4}))
}
