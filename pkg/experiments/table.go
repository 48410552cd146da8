package experiments

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/metrics"
)

// Table returns a Markdown table with a line for each recipe: means over its seeds. A recipe is compared with the one named in
// Against, if that is among the results: by the difference of their test accuracies in points, with half of its 95 % interval
// behind ±, and a Verdict. The standard deviation of the seeds also counts those of others, such as PyTorch's runs of the same recipes.
func Table(all []*Result, others ...*Result) (string, error) {
	groups := Groups(all)
	deviation := SeedDeviation(slices.Concat(groups, Groups(others)))
	byName := map[string]Group{}
	for _, g := range groups {
		byName[g.Name] = g
	}
	var b strings.Builder
	b.WriteString("| row | what is changed | seeds | steps | best dev | test accuracy | difference | against | PFLOP | minutes |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|---|---|--:|--:|\n")
	for _, g := range groups {
		change, against := g.words()
		difference := ""
		if other, ok := byName[against]; ok {
			var err error
			if difference, err = deviation.describe(g, other); err != nil {
				return "", err
			}
		} else {
			against = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %.4f | %s | %s | %.4f | %.1f |\n", g.Name, change, len(g.Results), g.Results[0].Steps,
			g.dev(), g.mean(func(r *Result) float64 { return r.TestAccuracy }), difference, against, g.Results[0].FLOPs/1e15,
			g.mean(func(r *Result) float64 { return r.Seconds / 60 }))
	}
	return b.String(), nil
}

// describe returns the difference of two recipes in points, with its interval and verdict if there is one.
func (s StandardDeviation) describe(g, other Group) (string, error) {
	if g.Results[0].TestData != other.Results[0].TestData {
		return "", fmt.Errorf("experiments: %s and %s were tested on different images; run both on the same data", g.Name, other.Name)
	}
	i := s.Compare(g, other)
	if s.Freedom < 1 {
		return fmt.Sprintf("%+.2f", 100*i.Difference), nil
	}
	return fmt.Sprintf("%+.2f ± %.2f: %s", 100*i.Difference, 100*(i.High-i.Difference), Verdict(g, other, i)), nil
}

// oneSeedPoints is the difference, in accuracy, from which a recipe may be called better or worse on the evidence of one seed.
const oneSeedPoints = 0.02

// Verdict puts an interval between two recipes into words: "better" or "worse" if it excludes 0, else "open"; and "one seed" if it
// would be better or worse, but one of the two has one seed only and the difference is below two points.
func Verdict(a, b Group, i Interval) string {
	switch {
	case !i.Excludes0():
		return "open"
	case min(len(a.Results), len(b.Results)) < 2 && math.Abs(i.Difference) < oneSeedPoints:
		return "one seed"
	case i.Difference > 0:
		return "better"
	}
	return "worse"
}

// words returns what the recipe changes and against which row. The results may all be repetitions, which do not say it.
func (g Group) words() (change, against string) {
	if row, err := Find(g.Name); err == nil {
		return row.Change, row.Against
	}
	return g.Results[0].Change, g.Results[0].Against // a row of the reader's own
}

// dev returns the mean of the best dev accuracies, as text.
func (g Group) dev() string {
	if g.Results[0].WithDev {
		return "trained on"
	}
	return fmt.Sprintf("%.4f", g.mean(func(r *Result) float64 { return r.BestDev }))
}

func (g Group) mean(value func(*Result) float64) float64 {
	mean, _ := metrics.MeanStd(g.values(value))
	return mean
}
