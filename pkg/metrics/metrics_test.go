package metrics

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
)

func TestChance(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.0045, StandardError(0.72, 10000), 1e-4)
	require.Zero(t, ChiSquare([]int{5, 5, 5}))
	require.InDelta(t, 2.0, ChiSquare([]int{2, 4, 6}), 1e-12)

	labels := make([]uint16, 1000)
	for i := range labels {
		labels[i] = uint16(i % 10)
	}
	p, err := RandomDrawPValue(labels, 200, 10, 0, 50, 1)
	require.NoError(t, err)
	require.Equal(t, 1.0, p, "every draw is at least as unbalanced as a balanced one")
	p, err = RandomDrawPValue(labels, 200, 10, 100, 50, 1)
	require.NoError(t, err)
	require.Zero(t, p)
	// The median of chi-square with 9 degrees of freedom is 8.34; without putting back it is smaller by 1 - 200/1000.
	p, err = RandomDrawPValue(labels, 200, 10, 8.34*0.8, 4000, 1)
	require.NoError(t, err)
	require.InDelta(t, 0.5, p, 0.04)
	p, err = RandomDrawPValue(labels, 1000, 10, 0.001, 5, 1)
	require.NoError(t, err)
	require.Zero(t, p, "all labels are as balanced as they are")
	p, err = RandomDrawPValue(labels, 1000, 10, 0, 5, 1)
	require.NoError(t, err)
	require.Equal(t, 1.0, p, "equally balanced counts as at least as unbalanced")
	_, err = RandomDrawPValue(labels, 1001, 10, 0, 5, 1)
	require.ErrorContains(t, err, "size=1001, len(labels)=1000")

	mean, std := MeanStd([]float64{1, 2, 3, 4})
	require.Equal(t, 2.5, mean)
	require.InDelta(t, math.Sqrt(5.0/3), std, 1e-12)
	require.Equal(t, 0.5, Sigmoid(0))
	require.InDelta(t, 0.8808, Sigmoid(2), 1e-4)
}

func TestMcNemar(t *testing.T) {
	t.Parallel()
	prediction := func(correct bool) Prediction {
		if correct {
			return Prediction{}
		}
		return Prediction{Class: 1}
	}
	var a, b []Prediction
	for i := range 40 {
		a, b = append(a, prediction(i < 30)), append(b, prediction(i >= 14 && i < 32))
	}
	onlyA, onlyB, z := McNemar(Corrects(a), Corrects(b))
	require.Equal(t, []int{14, 2}, []int{onlyA, onlyB})
	require.Equal(t, 3.0, z)
	_, _, z = McNemar(Corrects(a), Corrects(a))
	require.Zero(t, z)
}

func TestConfused(t *testing.T) {
	t.Parallel()
	counts := [][]int{{8, 2, 0}, {3, 7, 1}, {9, 0, 0}}
	require.Equal(t, []Pair{{A: 0, B: 2, AB: 0, BA: 9}, {A: 0, B: 1, AB: 2, BA: 3}}, MostConfused(counts, 2))
	require.Len(t, MostConfused(counts, 9), 3)
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

// TestTrainingFLOPs: the chapter's training, 40,000 images of ResNet-18's 37.7 million multiply-adds in 30 epochs.
func TestTrainingFLOPs(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.27e15, TrainingFLOPs(resnet.Library().Summary().MACs(), 40000, 30), 0.005e15)
}

func TestPredictions(t *testing.T) {
	t.Parallel()
	p := Predictions([][]float32{{0, 3, 1}, {9, 0, 0}}, []uint16{1, 2})
	require.Equal(t, []int{0, 1, 1}, []int{p[0].Index, p[0].Label, p[0].Class})
	require.Equal(t, []int{1, 2, 0}, []int{p[1].Index, p[1].Label, p[1].Class})
	require.Equal(t, []bool{true, false}, Corrects(p))
	require.InDelta(t, Softmax([]float32{0, 3, 1})[1], p[0].Probability, 1e-15)
}

func TestConfusionMatrix(t *testing.T) {
	t.Parallel()
	predictions := []Prediction{{0, 3, 3, 0.9}, {1, 3, 5, 0.6}, {2, 5, 3, 0.8}, {3, 5, 5, 0.7}, {4, 1, 999, 0.99}}
	counts, outside := ConfusionMatrix(predictions)
	require.Equal(t, 1, outside)
	require.Equal(t, 1, counts[3][3])
	require.Equal(t, 1, counts[3][5])
	require.Equal(t, 1, counts[5][3])
	require.Equal(t, []float64{0, 0, 0, 0.5, 0, 0.5, 0, 0, 0, 0}, Recall(predictions, 10))
	predictions[1].Class = 999
	require.Equal(t, 0.5, Recall(predictions, 10)[3], "a prediction outside the classes is a wrong one")
	predictions[1].Class = 5
	worst := ConfidentMistakes(predictions, 2)
	require.Equal(t, []Prediction{predictions[4], predictions[2]}, worst)
	require.Len(t, ConfidentMistakes(predictions, 99), 3)
	require.Len(t, predictions, 5, "the argument is unchanged")
}
