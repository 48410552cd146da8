package experiments

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/cifar/cifar10"
)

func group(accuracies ...float64) (g Group) {
	for _, a := range accuracies {
		g.Results = append(g.Results, &Result{TestAccuracy: a})
	}
	return g
}

func TestGroups(t *testing.T) {
	t.Parallel()
	var all []*Result
	for _, name := range []string{"reference", "plain", "reference-102", "my own", "pytorch-library-0", "pytorch-library-1"} {
		all = append(all, &Result{Name: name})
	}
	require.Equal(t, []Group{{"reference", []*Result{all[0], all[2]}}, {"plain", all[1:2]}, {"my own", all[3:4]}, {"pytorch-library", all[4:]}}, Groups(all))
}

// The expected intervals are those of scipy.stats.ttest_ind(a, b, equal_var=False).confidence_interval(), and with equal_var=True for
// the deviation of two groups.
func TestIntervals(t *testing.T) {
	t.Parallel()
	a, b := []float64{0.6995, 0.7021, 0.7043}, []float64{0.7102, 0.7088, 0.7151, 0.7065}
	near := func(difference, low, high float64, got Interval) {
		t.Helper()
		require.InDeltaSlice(t, []float64{difference, low, high}, []float64{got.Difference, got.Low, got.High}, 1e-9)
	}
	near(-0.00818333333333332, -0.014068788753138071, -0.00229787791352857, Welch(a, b))
	deviations := SeedDeviations([]Group{group(a...), group(b...), group(0.5)})
	require.Equal(t, 5, deviations[shortBudget].Freedom)
	near(-0.00818333333333332, -0.014465734600434602, -0.001900932066232039, deviations.Compare(group(a...), group(b...)))
	require.True(t, Welch(a, b).Excludes0())
	require.False(t, Interval{Low: -1, High: 1}.Excludes0())

	none := SeedDeviations([]Group{group(0.7), group(0.1)})
	require.Zero(t, none[shortBudget])
	for _, i := range []Interval{Welch([]float64{0.7}, b), Welch(b, []float64{0.7}), Welch([]float64{1, 1}, []float64{2, 2}), none.Compare(group(a...), group(b...))} {
		require.False(t, i.Excludes0(), "%+v", i)
		require.True(t, math.IsInf(i.High, 1))
	}
	i := StandardDeviations{shortBudget: {0.01, 8}}.Compare(group(0.7), group(a...)) // one value is compared like any other
	require.InDelta(t, 2.306004*0.01*math.Sqrt(1+1.0/3), i.High-i.Difference, 1e-6)
}

// Each family has its own standard deviation; one without it takes the largest. Two families are compared as Welch does.
func TestFamilies(t *testing.T) {
	t.Parallel()
	a, b := []float64{0.6995, 0.7021, 0.7043}, []float64{0.7102, 0.7088, 0.7151, 0.7065}
	short, long, modern := group(a...), group(b...), group(0.9)
	for _, r := range long.Results {
		r.TrainImages = 40000
	}
	modern.Results[0].Network, modern.Results[0].TrainImages = airbench.Net{}.String(), 50000
	require.Equal(t, Families(), []string{short.Family(), long.Family(), modern.Family()})
	deviations := SeedDeviations([]Group{short, long, modern})
	require.Equal(t, []int{2, 3, 0}, []int{deviations[shortBudget].Freedom, deviations[allImages].Freedom, deviations[modernFamily].Freedom})
	require.Equal(t, Welch(a, b), deviations.Compare(short, long))
	require.Greater(t, deviations[allImages].Value, deviations[shortBudget].Value)
	require.Equal(t, deviations[allImages], deviations.Of(modern))
	require.Equal(t, deviations[shortBudget], deviations.Of(short))
	swapped := StandardDeviations{shortBudget: {0.02, 1}, allImages: {0.01, 1}}
	require.Equal(t, swapped[shortBudget], swapped.Of(modern), "the largest, not the last")
}

// A row with dev's images trains on both sets, and leaves them as they are.
func TestImages(t *testing.T) {
	t.Parallel()
	train, dev := cifar10.New(cifar.Train, 3), cifar10.New(cifar.Dev, 2)
	train.Labels, dev.Labels, dev.Pixels[0] = []uint16{1, 2, 3}, []uint16{4, 5}, 7
	require.Equal(t, []uint16{1, 2}, Row{TrainImages: 2}.images(train, dev).Labels)
	both := Row{WithDev: true}.images(train, dev)
	require.Equal(t, []uint16{1, 2, 3, 4, 5}, both.Labels)
	require.Equal(t, uint8(7), both.Pixels[3*cifar.ImageSize])
	require.Equal(t, cifar.Train, both.Split)
	require.Equal(t, 3, train.Len())
}
