package experiments

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"nndl.example/resnet18/pkg/metrics"
)

// Group has the results of one recipe, one for each seed.
type Group struct {
	Name    string // of the row that the others repeat
	Results []*Result
}

// Groups puts results that differ only in the seed together, in the order of their first ones.
func Groups(all []*Result) []Group {
	var groups []Group
	for _, r := range all {
		name := r.Repeated()
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Name == name })
		if i < 0 {
			i, groups = len(groups), append(groups, Group{Name: name})
		}
		groups[i].Results = append(groups[i].Results, r)
	}
	return groups
}

// TestAccuracies returns the test accuracy of each seed.
func (g Group) TestAccuracies() []float64 {
	return g.values(func(r *Result) float64 { return r.TestAccuracy })
}

func (g Group) values(value func(*Result) float64) []float64 {
	var values []float64
	for _, r := range g.Results {
		values = append(values, value(r))
	}
	return values
}

// Interval is a difference of two means with its 95 % confidence interval.
type Interval struct{ Difference, Low, High float64 }

// Excludes0 reports whether all of the interval is above 0 or all of it below.
func (i Interval) Excludes0() bool { return i.Low > 0 || i.High < 0 }

// Welch returns the mean of a minus that of b. The interval does not assume that both vary equally (Welch 1947, with
// Satterthwaite's degrees of freedom). It is infinite if one of them has fewer than two values, or if neither varies.
func Welch(a, b []float64) Interval {
	meanA, stdA := metrics.MeanStd(a)
	meanB, stdB := metrics.MeanStd(b)
	varA, varB := stdA*stdA/float64(len(a)), stdB*stdB/float64(len(b))
	if len(a) < 2 || len(b) < 2 || varA+varB == 0 {
		return interval(meanA-meanB, math.Inf(1), 1)
	}
	freedom := (varA + varB) * (varA + varB) / (varA*varA/float64(len(a)-1) + varB*varB/float64(len(b)-1))
	return interval(meanA-meanB, math.Sqrt(varA+varB), freedom)
}

// StandardDeviation is that of the seeds' test accuracies around the mean of their recipe.
type StandardDeviation struct {
	Value   float64
	Freedom int // degrees of freedom of Value; 0 if no recipe has two seeds
}

// SeedDeviation estimates one spread from all groups together, as analysis of variance does: two or three seeds of one recipe say
// little about it. A group with one seed adds nothing.
func SeedDeviation(groups []Group) StandardDeviation {
	var s StandardDeviation
	sum := 0.0
	for _, g := range groups {
		_, std := metrics.MeanStd(g.TestAccuracies())
		sum += std * std * float64(len(g.Results)-1)
		s.Freedom += len(g.Results) - 1
	}
	s.Value = math.Sqrt(sum / float64(max(s.Freedom, 1)))
	return s
}

// Compare returns the mean test accuracy of a minus that of b. Without degrees of freedom the interval is infinite.
func (s StandardDeviation) Compare(a, b Group) Interval {
	meanA, _ := metrics.MeanStd(a.TestAccuracies())
	meanB, _ := metrics.MeanStd(b.TestAccuracies())
	standardError := s.Value * math.Sqrt(1/float64(len(a.Results))+1/float64(len(b.Results)))
	if s.Freedom < 1 {
		standardError = math.Inf(1)
	}
	return interval(meanA-meanB, standardError, float64(max(s.Freedom, 1)))
}

func interval(difference, standardError, freedom float64) Interval {
	half := distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile(0.975) * standardError
	return Interval{difference, difference - half, difference + half}
}
