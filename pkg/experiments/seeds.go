package experiments

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"nndl.example/resnet18/pkg/airbench"
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

// TestAccuracy returns the mean test accuracy of the seeds.
func (g Group) TestAccuracy() float64 {
	mean, _ := metrics.MeanStd(g.TestAccuracies())
	return mean
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
// Satterthwaite's degrees of freedom). It is infinite if one of them has one value, or if neither varies, and NaN if one has none.
func Welch(a, b []float64) Interval {
	meanA, stdA := metrics.MeanStd(a)
	meanB, stdB := metrics.MeanStd(b)
	varA, varB := stdA*stdA/float64(len(a)), stdB*stdB/float64(len(b))
	if len(a) < 2 || len(b) < 2 || varA+varB == 0 {
		return interval(meanA-meanB, math.Inf(1), 1)
	}
	return interval(meanA-meanB, math.Sqrt(varA+varB), satterthwaite(varA, float64(len(a)-1), varB, float64(len(b)-1)))
}

// satterthwaite returns the degrees of freedom of the sum of two estimated variances (Satterthwaite 1946).
func satterthwaite(varA, freedomA, varB, freedomB float64) float64 {
	return (varA + varB) * (varA + varB) / (varA*varA/freedomA + varB*varB/freedomB)
}

// StandardDeviation is that of the seeds' test accuracies around the mean of their recipe.
type StandardDeviation struct {
	Value   float64
	Freedom int // degrees of freedom of Value; 0 if no recipe has two seeds
}

// seedDeviation estimates one standard deviation from all groups together, as analysis of variance does: two or three seeds of one
// recipe say little about it. A group with one seed adds nothing.
func seedDeviation(groups []Group) StandardDeviation {
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

// Families of recipes. The seeds of one family are taken to vary equally; those of two families need not
// (notebook 07 prints the estimates).
const (
	shortBudget  = "short budget"
	allImages    = "all images"
	modernFamily = "modern"
)

// Families returns the names of the families.
func Families() []string { return []string{shortBudget, allImages, modernFamily} }

// Family returns the family of a recipe.
func (g Group) Family() string {
	switch r := g.Results[0]; {
	case strings.HasPrefix(r.Network, airbench.Name):
		return modernFamily
	case r.TrainImages < trainImages:
		return shortBudget
	}
	return allImages
}

const trainImages = 40000 // the training images without dev's

// StandardDeviations has the standard deviation of the seeds for each family.
type StandardDeviations map[string]StandardDeviation

// SeedDeviations estimates the standard deviation of each family.
func SeedDeviations(groups []Group) StandardDeviations {
	s := StandardDeviations{}
	for _, family := range Families() {
		s[family] = seedDeviation(slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return g.Family() != family }))
	}
	return s
}

// Of returns the standard deviation for a recipe: that of its family or, if no recipe there has two seeds, the largest.
func (s StandardDeviations) Of(g Group) StandardDeviation {
	own := s[g.Family()]
	if own.Freedom > 0 {
		return own
	}
	for _, family := range Families() {
		if s[family].Value > own.Value {
			own = s[family]
		}
	}
	return own
}

// Compare returns the mean test accuracy of a minus that of b. Without degrees of freedom, or if all seeds agree, the interval is
// infinite.
func (s StandardDeviations) Compare(a, b Group) Interval {
	difference := a.TestAccuracy() - b.TestAccuracy()
	sdA, sdB := s.Of(a), s.Of(b)
	varA, varB := sdA.Value*sdA.Value/float64(len(a.Results)), sdB.Value*sdB.Value/float64(len(b.Results))
	if varA+varB == 0 {
		return interval(difference, math.Inf(1), 1)
	}
	freedom := float64(sdA.Freedom)
	if sdA != sdB { // else both are the same estimate
		freedom = satterthwaite(varA, float64(sdA.Freedom), varB, float64(sdB.Freedom))
	}
	return interval(difference, math.Sqrt(varA+varB), freedom)
}

func interval(difference, standardError, freedom float64) Interval {
	half := distuv.StudentsT{Sigma: 1, Nu: freedom}.Quantile(0.975) * standardError
	return Interval{difference, difference - half, difference + half}
}
