// Package metrics evaluates predictions: recall by class, the confusion matrix, mistakes, and whether two models differ
// by more than chance.
package metrics

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"nndl.example/resnet18/pkg/cifar/cifar10"
)

// Prediction is a model's prediction for one image.
type Prediction struct {
	Index       int     // of the image in its split
	Label       int     // true class
	Class       int     // predicted class
	Probability float64 // of the predicted class
}

// Correct reports whether the predicted class is the label.
func (p Prediction) Correct() bool { return p.Class == p.Label }

// Predictions returns the most probable class of each image. Logits has one row for each label.
func Predictions(logits [][]float32, labels []uint16) []Prediction {
	predictions := make([]Prediction, len(logits))
	for i, row := range logits {
		p := Softmax(row)
		best := TopK(p, 1)[0]
		predictions[i] = Prediction{Index: i, Label: int(labels[i]), Class: best, Probability: p[best]}
	}
	return predictions
}

// ConfusionMatrix counts predictions: rows are true classes, columns predicted ones. Predictions outside the ten classes,
// which a model with 1,000 outputs can make, are counted in outside only.
func ConfusionMatrix(predictions []Prediction) (counts [][]int, outside int) {
	return ConfusionMatrixOf(predictions, cifar10.NumClasses)
}

// ConfusionMatrixOf is ConfusionMatrix for another number of classes.
func ConfusionMatrixOf(predictions []Prediction, classes int) (counts [][]int, outside int) {
	counts = make([][]int, classes)
	for i := range counts {
		counts[i] = make([]int, classes)
	}
	for _, p := range predictions {
		if p.Class >= classes {
			outside++
			continue
		}
		counts[p.Label][p.Class]++
	}
	return counts, outside
}

// ConfidentMistakes returns the n wrong predictions with the highest probability, the highest first.
func ConfidentMistakes(predictions []Prediction, n int) []Prediction {
	wrong := slices.DeleteFunc(slices.Clone(predictions), Prediction.Correct)
	slices.SortStableFunc(wrong, func(a, b Prediction) int { return cmp.Compare(b.Probability, a.Probability) })
	return wrong[:min(n, len(wrong))]
}

// Recall returns the share of each class's images that are predicted correctly, 0 for a class without images.
func Recall(predictions []Prediction, classes int) []float64 {
	images, correct := make([]int, classes), make([]int, classes)
	for _, p := range predictions {
		images[p.Label]++
		if p.Correct() {
			correct[p.Label]++
		}
	}
	recall := make([]float64, classes)
	for class, n := range images {
		recall[class] = float64(correct[class]) / float64(max(n, 1))
	}
	return recall
}

// Pair is two classes that are mistaken for each other.
type Pair struct {
	A, B   int
	AB, BA int // how often A was predicted as B, and B as A
}

// MostConfused returns the n pairs of classes with the most mistakes, both directions added.
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

// ClassName returns the name of an output: the first ten are CIFAR-10's classes; the library model has 990 more.
func ClassName(i int) string { return OutputName(cifar10.Classes[:], i) }

// OutputName returns the name of an output of a network for these classes, which may have more outputs than classes.
func OutputName(classes []string, i int) string {
	if i >= 0 && i < len(classes) {
		return classes[i]
	}
	return fmt.Sprintf("output %d", i)
}

// IsAnimal reports whether a class is an animal; the other classes are vehicles.
func IsAnimal(class int) bool { return class >= 2 && class <= 7 }

// AnimalLogit returns the logit of "animal": log(P(animal) / P(vehicle)).
func AnimalLogit(logits []float32) float64 {
	animal, vehicle := 0.0, 0.0
	for class, p := range Softmax(logits)[:cifar10.NumClasses] {
		if IsAnimal(class) {
			animal += p
		} else {
			vehicle += p
		}
	}
	return math.Log(animal / vehicle)
}
