package lab

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/runner"
)

// Answer is what a model says about one image.
type Answer struct {
	Index       int // of the image in its split
	True        int // class
	Predicted   int
	Probability float64 // of the predicted class
}

// Right says whether the answer is.
func (a Answer) Right() bool { return a.True == a.Predicted }

// Answers asks the model about every image of a split.
func Answers(r *runner.Runner, d *cifar.Dataset) ([]Answer, error) {
	logits, err := r.Predict(d.Pixels)
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, d.Len())
	for i, row := range logits {
		p := runner.Softmax(row)
		best := runner.Top(p, 1)[0]
		answers[i] = Answer{Index: i, True: int(d.Labels[i]), Predicted: best, Probability: p[best]}
	}
	return answers, nil
}

// ConfusionMatrix counts answers: rows are true classes, columns predicted ones. Answers outside the ten
// classes, which a model with 1,000 outputs could give, are left out and counted apart.
func ConfusionMatrix(answers []Answer) (counts [][]int, outside int) {
	counts = make([][]int, cifar.NumClasses)
	for i := range counts {
		counts[i] = make([]int, cifar.NumClasses)
	}
	for _, a := range answers {
		if a.Predicted >= cifar.NumClasses {
			outside++
			continue
		}
		counts[a.True][a.Predicted]++
	}
	return counts, outside
}

// MostConfident returns the n wrong answers that the model was surest of.
func MostConfident(answers []Answer, n int) []Answer {
	wrong := slices.DeleteFunc(slices.Clone(answers), Answer.Right)
	slices.SortStableFunc(wrong, func(a, b Answer) int { return cmp.Compare(b.Probability, a.Probability) })
	return wrong[:min(n, len(wrong))]
}

// Recall is the share of right answers for each class: row t of the confusion matrix, its diagonal over its sum.
func Recall(counts [][]int) []float64 {
	recall := make([]float64, len(counts))
	for t, row := range counts {
		total := 0
		for _, n := range row {
			total += n
		}
		recall[t] = float64(row[t]) / float64(max(total, 1))
	}
	return recall
}

// Pair is two classes that are taken for each other.
type Pair struct {
	A, B   int
	AB, BA int // how often A was taken for B, and B for A
}

// MostConfused returns the n pairs of classes that are confused most often, in both directions together.
func MostConfused(counts [][]int, n int) []Pair {
	var pairs []Pair
	for a := range counts {
		for b := range a {
			pairs = append(pairs, Pair{b, a, counts[b][a], counts[a][b]})
		}
	}
	slices.SortStableFunc(pairs, func(p, q Pair) int { return cmp.Compare(q.AB+q.BA, p.AB+p.BA) })
	return pairs[:min(n, len(pairs))]
}

// ClassName names an output: the first ten are our classes, the library model has 990 more.
func ClassName(i int) string {
	if i >= 0 && i < cifar.NumClasses {
		return cifar.Classes[i]
	}
	return fmt.Sprintf("output %d", i)
}

// IsAnimal divides the ten classes in two: animals, and machines.
func IsAnimal(class int) bool { return class >= 2 && class <= 7 }

// AnimalLogit is the single logit of the question "animal?": the log of the probability of all animals over that of
// all machines.
func AnimalLogit(logits []float32) float64 {
	animal, machine := 0.0, 0.0
	for class, p := range runner.Softmax(logits)[:cifar.NumClasses] {
		if IsAnimal(class) {
			animal += p
		} else {
			machine += p
		}
	}
	return math.Log(animal / machine)
}
