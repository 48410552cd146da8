package lab

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

func TestChance(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.0045, Deviation(0.72, 10000), 1e-4)
	require.Zero(t, ChiSquare([]int{5, 5, 5}))
	require.InDelta(t, 2.0, ChiSquare([]int{2, 4, 6}), 1e-12)

	labels := make([]uint8, 1000)
	for i := range labels {
		labels[i] = uint8(i % 10)
	}
	p, err := DrawAtRandom(labels, 200, 10, 0, 50, 1)
	require.NoError(t, err)
	require.Equal(t, 1.0, p, "every draw is at least as unbalanced as a balanced one")
	p, err = DrawAtRandom(labels, 200, 10, 100, 50, 1)
	require.NoError(t, err)
	require.Zero(t, p)
	// The median of chi-square with 9 degrees of freedom is 8.34; without putting back it is smaller by 1 - 200/1000.
	p, err = DrawAtRandom(labels, 200, 10, 8.34*0.8, 4000, 1)
	require.NoError(t, err)
	require.InDelta(t, 0.5, p, 0.04)
	p, err = DrawAtRandom(labels, 1000, 10, 0.001, 5, 1)
	require.NoError(t, err)
	require.Zero(t, p, "all labels are as balanced as they are")
	_, err = DrawAtRandom(labels, 1001, 10, 0, 5, 1)
	require.ErrorContains(t, err, "1001 labels of 1000")

	require.InDelta(t, 1.352*Deviation(0.7, 10000), BestOf(7, 0.7, 10000, 20000, 1)-0.7, 1e-4)
	mean, sd := Spread([]float64{1, 2, 3, 4})
	require.Equal(t, 2.5, mean)
	require.InDelta(t, math.Sqrt(5.0/3), sd, 1e-12)
	require.Equal(t, 0.5, Sigmoid(0))
	require.InDelta(t, 0.8808, Sigmoid(2), 1e-4)
}

func TestMcNemar(t *testing.T) {
	t.Parallel()
	answer := func(right bool) Answer {
		if right {
			return Answer{}
		}
		return Answer{Predicted: 1}
	}
	var a, b []Answer
	for i := range 40 {
		a, b = append(a, answer(i < 30)), append(b, answer(i >= 14 && i < 32))
	}
	onlyA, onlyB, z := McNemar(a, b)
	require.Equal(t, []int{14, 2}, []int{onlyA, onlyB})
	require.Equal(t, 3.0, z)
	_, _, z = McNemar(a, a)
	require.Zero(t, z)
}

func TestConfused(t *testing.T) {
	t.Parallel()
	counts := [][]int{{8, 2, 0}, {3, 7, 1}, {9, 0, 0}}
	require.Equal(t, []Pair{{A: 0, B: 2, AB: 0, BA: 9}, {A: 0, B: 1, AB: 2, BA: 3}}, MostConfused(counts, 2))
	require.Len(t, MostConfused(counts, 9), 3)
	require.InDeltaSlice(t, []float64{0.8, 7.0 / 11, 0}, Recall(counts), 1e-12)
	require.Equal(t, "truck", ClassName(9))
	require.Equal(t, "output 10", ClassName(10))
}

func TestAnimals(t *testing.T) {
	t.Parallel()
	animals := 0
	for class, name := range cifar.Classes {
		if IsAnimal(class) {
			animals++
			require.Contains(t, []string{"bird", "cat", "deer", "dog", "frog", "horse"}, name)
		}
	}
	require.Equal(t, 6, animals)
	require.InDelta(t, math.Log(6.0/4), AnimalLogit(make([]float32, 10)), 1e-9, "six classes against four")
	require.Negative(t, AnimalLogit([]float32{0, 9, 0, 0, 0, 0, 0, 0, 0, 0}))
}

// TestWalk: plain descent can be computed in the head, and Adam's first step is its rate.
func TestWalk(t *testing.T) {
	b, err := backend.New("go", nil)
	require.NoError(t, err)
	w, err := Walk(b, optim.SGD(0.1, 0, false, 0), 1, []float64{4, -2})
	require.NoError(t, err)
	require.InDelta(t, 0.8, w, 1e-6)
	w, err = Walk(b, optim.AdamL2(0.1, 0), 1, []float64{0.004})
	require.NoError(t, err)
	require.InDelta(t, 0.9, w, 1e-5)
	losses, err := Valley(b, optim.SGD(0.01, 0, false, 0), 100, 3)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{50.5, 0.5 * 0.99 * 0.99, 0.5 * math.Pow(0.99, 4)}, losses, 1e-4, "the steep part is gone in one step")
}

func TestCost(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.27e15, TrainingFLOPs(resnet.Library(), 40000, 30), 0.005e15)
	h := runner.History{Steps: []runner.Step{{Seconds: 99}, {Seconds: 3}, {Seconds: 1}, {Seconds: 2}}}
	s, err := StepSeconds(&h)
	require.NoError(t, err)
	require.Equal(t, 2.0, s)
	h.Steps = h.Steps[:1]
	_, err = StepSeconds(&h)
	require.Error(t, err)
}
