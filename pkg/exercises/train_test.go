package exercises

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/ml/train/optimizer"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/optim"
)

func TestDescend(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 1.8, Descend(0.05, 1), 1e-12)
	require.InDelta(t, 3, Descend(0.05, 100), 1e-6)
	require.InDelta(t, 3, Descend(0.24, 1000), 1e-6)
	require.InDelta(t, 5, Descend(0.25, 101), 1e-9, "jumps between 1 and 5")
	require.Greater(t, math.Abs(Descend(0.26, 1000)), 1e6)
}

// TestAdam compares five steps with those of the optimizers used in training.
func TestAdam(t *testing.T) {
	t.Parallel()
	const rate, decay = 0.01, 0.5
	gradients := []float64{4, 4, -2, 0.001, -30}
	for _, c := range []struct {
		name  string
		hand  Adam
		graph optimizer.Interface
	}{
		{"Adam", Adam{Weight: 1, Rate: rate}, optim.AdamL2(rate, 0)},
		{"Adam with L2", Adam{Weight: 1, Rate: rate, Coupled: decay}, optim.AdamL2(rate, decay)},
		{"AdamW", Adam{Weight: 1, Rate: rate, Decoupled: decay}, optim.AdamW(rate, decay)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, g := range gradients {
				c.hand.Step(g)
			}
			got, err := inspect.ApplyGradients(backend(t), c.graph, 1, gradients)
			require.NoError(t, err)
			require.InDelta(t, c.hand.Weight, got, 1e-6)
		})
	}
}

func TestStepsToZero(t *testing.T) {
	t.Parallel()
	steps := StepsToZero(0.02, 0.001, 0.005, 1000)
	require.InDelta(t, 20, steps, 5, "about weight/rate")
	require.InDelta(t, steps, StepsToZero(0.02, 0.001, 0.05, 1000), 1, "for any decay")
	require.Equal(t, 1000, StepsToZero(0.02, 0.001, 0, 1000), "never without decay")
}

func TestExpectedMaximum(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0, ExpectedMaximum(1), 0.02)
	require.InDelta(t, 0.5642, ExpectedMaximum(2), 0.02, "1/sqrt(pi)")
	require.InDelta(t, 1.3522, ExpectedMaximum(7), 0.02)
	require.InDelta(t, 2.0428, ExpectedMaximum(30), 0.02)
	require.InDelta(t, ExpectedMaximum(7), simulatedMaximum(7, 20000), 0.02, "simulated and computed")
}

// simulatedMaximum returns the mean maximum of k standard normal numbers.
func simulatedMaximum(k, trials int) float64 {
	rng := rand.New(rand.NewPCG(1, 0))
	sum := 0.0
	for range trials {
		best := math.Inf(-1)
		for range k {
			best = max(best, rng.NormFloat64())
		}
		sum += best
	}
	return sum / float64(trials)
}
