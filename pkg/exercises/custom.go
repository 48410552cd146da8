package exercises

import (
	"fmt"
	"math"

	"nndl.example/resnet18/pkg/resnet"
)

// LargestDifference compares two tables of logits (notebook 06, exercise 1). It takes the sign off, wants the same shape,
// and does not let a NaN pass, which compares as neither larger nor smaller.
func LargestDifference(a, b [][]float32) (largest float64, err error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("exercises: %d rows and %d rows: want as many", len(a), len(b))
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return 0, fmt.Errorf("exercises: row %d has %d numbers and %d: want as many", i, len(a[i]), len(b[i]))
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

// Missing lists the variables of network a that network b does not have (notebook 06, exercise 2).
func Missing(a, b resnet.Config) (names []string) {
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

// RunsNeeded is how many runs of each of two designs it takes to tell their accuracies apart (notebook 06, exercise 3),
// if a single run scatters by sd: the mean of k runs scatters by sd/√k, the difference of two such means by √2 times
// that, and the true difference should be at least twice as large.
func RunsNeeded(difference, sd float64) int {
	return int(math.Ceil(2*math.Pow(2*sd/difference, 2) - 1e-9))
}
