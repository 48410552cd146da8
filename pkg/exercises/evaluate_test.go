package exercises

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/metrics"
)

func TestPrecision(t *testing.T) {
	t.Parallel()
	counts := [][]int{{8, 2, 0}, {0, 6, 0}, {0, 0, 0}}
	require.Equal(t, []float64{1, 0.75, 0}, Precision(counts))
}

func TestLossVersusAccuracy(t *testing.T) {
	t.Parallel()
	labels, first, second := LossVersusAccuracy()
	score := func(logits [][]float32) (correct int, loss float64) {
		for i, row := range logits {
			if (row[1] > row[0]) == (labels[i] == 1) {
				correct++
			}
		}
		loss, _ = metrics.MeanStd(metrics.CrossEntropies(logits, labels))
		return correct, loss
	}
	correct1, loss1 := score(first)
	correct2, loss2 := score(second)
	require.Greater(t, correct1, correct2)
	require.Greater(t, loss1, loss2)
}

// TestTemperature recovers the temperature of perfectly calibrated logits, and of the same logits times three.
func TestTemperature(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var logits [][]float32
	var labels []uint16
	for range 4000 {
		row := make([]float32, 4)
		for k := range row {
			row[k] = float32(2 * rng.NormFloat64())
		}
		label, u := 0, rng.Float64()
		for _, p := range metrics.Softmax(row)[:3] {
			if u -= p; u < 0 {
				break
			}
			label++
		}
		logits, labels = append(logits, row), append(labels, uint16(label))
	}
	require.InDelta(t, 1, Temperature(logits, labels), 0.1)
	require.InDelta(t, 3, Temperature(ScaleLogits(logits, 1.0/3), labels), 0.3)
}

func TestLabelsToMove(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 45.2, LabelsToMove(0.7136, 10000), 1)
}
