package lab

import (
	"cmp"
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
