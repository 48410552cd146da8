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

// The curves of a training that is still running leave room for the steps to come.
func TestTrainingCurvesOfAStart(t *testing.T) {
	t.Parallel()
	f, err := TrainingCurves(Training{TrainSteps: []int{0, 1}, TrainLoss: []float64{7, 6}, LearningRate: []float64{0.1, 0.2},
		DevSteps: []int{1}, DevScore: []float64{0.5}, Steps: 5000, Width: 300, Height: 200})
	require.NoError(t, err)
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"Loss", "Accuracy", "dev, best 0.5000", "Learning rate", "5,000"})
	require.Equal(t, 300.0, f.parts[2].width)
	_, err = TrainingCurves(Training{TrainSteps: []int{0, 1}, TrainLoss: []float64{7, 6}, LearningRate: []float64{0.1}})
	require.ErrorContains(t, err, "len(LearningRate)=1, len(TrainSteps)=2")
}

func TestThin(t *testing.T) {
	t.Parallel()
	s := thin(Series{Name: "a", X: floats(make([]int, 1001)), Y: MovingAverage(make([]float64, 1001), 1)})
	require.Len(t, s.Y, 168)
	require.Equal(t, "a", s.Name)
	s = thin(Series{X: []float64{1, 2}, Y: []float64{3, 4}})
	require.Equal(t, []float64{3, 4}, s.Y)
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
