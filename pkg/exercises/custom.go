package exercises

import (
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
)

// LargestDifference returns the largest absolute difference between two tables of logits (notebook 06, exercise 1).
// Different shapes are an error, and so is NaN, which would pass any comparison because it is neither larger nor smaller.
func LargestDifference(a, b [][]float32) (largest float64, err error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("exercises: len(a)=%d, len(b)=%d: lengths must be equal", len(a), len(b))
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return 0, fmt.Errorf("exercises: row %d: len(a)=%d, len(b)=%d: lengths must be equal", i, len(a[i]), len(b[i]))
		}
		for j := range a[i] {
			d := math.Abs(float64(a[i][j]) - float64(b[i][j]))
			if math.IsNaN(d) {
				return 0, fmt.Errorf("exercises: row %d, column %d: %g and %g cannot be compared", i, j, a[i][j], b[i][j])
			}
			largest = max(largest, d)
		}
	}
	return largest, nil
}

// MissingVariables returns the names of the variables of network a that network b lacks (notebook 06, exercise 2).
func MissingVariables(a, b resnet.Config) (names []string) {
	has := map[string]bool{}
	for _, p := range b.Params() {
		has[p.Name] = true
	}
	for _, p := range a.Params() {
		if !has[p.Name] {
			names = append(names, p.Name)
		}
	}
	return names
}

// StatisticsDifference is the largest difference of the running statistics of the library's model and of our network (notebook
// 06, exercise 4). Logits and gradients of one batch do not depend on how training mode updates them. So a wrong momentum,
// or a running variance divided by n, shows only here: after a step in training mode from equal values.
func StatisticsDifference(lib resnet.Config, libStore *model.Store, ours Net, store *model.Store) (largest float64, err error) {
	theirs := lib.Params()
	for i, p := range ours.Params() {
		if p.Trainable {
			continue
		}
		x, err1 := nn.Values(libStore, theirs[i])
		y, err2 := nn.Values(store, p)
		d, err3 := LargestDifference([][]float32{x}, [][]float32{y})
		if err := errors.Join(err1, err2, err3); err != nil {
			return 0, err
		}
		largest = max(largest, d)
	}
	return largest, nil
}

// RunsNeeded returns how many runs of each of two networks are needed to distinguish their accuracies (notebook 06,
// exercise 3), given the standard deviation sd of a single run. The mean of k runs has the standard error sd/√k and the
// difference of two such means √2 times that; the true difference should be at least two standard errors. Then the chance to
// measure a difference of two standard errors or more is about one half; twice as many runs make it four in five.
func RunsNeeded(difference, sd float64) int {
	return int(math.Ceil(2*math.Pow(2*sd/difference, 2) - 1e-9))
}
