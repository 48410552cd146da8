package chart

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrainingCurves(t *testing.T) {
	t.Parallel()
	h := history(3000, 6)
	h.Title = "ResNet-18"
	h.TrainScoreSteps, h.TrainScore = []int{1000, 3000}, []float64{0.5, 0.9}
	f, err := TrainingCurves(h)
	require.NoError(t, err)
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"ResNet-18: loss", "ResNet-18: accuracy", "dev", "train", "training step", "best 0.7000, step 2,500"})
	require.Contains(t, strings.Join(texts, "\n"), fmt.Sprintf("train (mean of 50 steps, starts at %.2f)", h.TrainLoss[0]))
	require.Less(t, len(f.SVG()), 60_000, "a long history must not make a long file")

	f, err = TrainingCurves(Training{TrainSteps: []int{1}, TrainLoss: []float64{7.3}})
	require.NoError(t, err)
	texts, _ = parse(t, f.SVG())
	require.Contains(t, texts, "Loss")
	require.NotContains(t, texts, "Accuracy", "there were no evaluations")
}

func TestTrainingCurvesErrors(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Training){
		"len(TrainLoss)=2, len(TrainSteps)=3":            func(h *Training) { h.TrainLoss = h.TrainLoss[:2] },
		"len(DevScore)=1, len(DevSteps)=2":               func(h *Training) { h.DevScore = h.DevScore[:1] },
		"len(DevLoss)=1, len(DevSteps)=2":                func(h *Training) { h.DevLoss = h.DevLoss[:1] },
		"len(TrainScore)=1, len(TrainScoreSteps)=0":      func(h *Training) { h.TrainScore = []float64{1} },
		"no training loss":                               func(h *Training) { h.TrainLoss, h.TrainSteps = nil, nil },
		`series "train, each step", point 0 is (0, NaN)`: func(h *Training) { h.TrainLoss[0] = math.NaN() },
		`series "dev", point 1`:                          func(h *Training) { h.DevScore[1] = math.Inf(-1) },
	} {
		h := history(3, 2)
		change(&h)
		_, err := TrainingCurves(h)
		require.ErrorContains(t, err, want)
	}
}

func TestMovingAverage(t *testing.T) {
	t.Parallel()
	require.Equal(t, []float64{2, 3, 4, 6}, MovingAverage([]float64{2, 4, 6, 8}, 3))
	require.Equal(t, []float64{2, 4}, MovingAverage([]float64{2, 4}, 0), "a window of one value changes nothing")
	require.Empty(t, MovingAverage(nil, 5))
}
