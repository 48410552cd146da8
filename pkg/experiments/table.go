package experiments

import (
	"fmt"
	"math"
	"strings"

	"nndl.example/resnet18/pkg/metrics"
)

// Table returns a Markdown table with a line for each recipe: means over its seeds. A recipe is compared with the one named in
// Against, if that is among the results: by the difference of their test accuracies in points, with half of its 95 % interval
// behind ±, and a Verdict.
func Table(all []*Result) (string, error) {
	groups := Groups(all)
	deviation := SeedDeviation(groups)
	byName := map[string]Group{}
	for _, g := range groups {
		byName[g.Name] = g
	}
	var b strings.Builder
	b.WriteString("| row | what is changed | seeds | steps | best dev | test accuracy | difference | against | PFLOP | minutes |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|---|---|--:|--:|\n")
	for _, g := range groups {
		first := g.Results[0]
		difference, against := "", ""
		if other, ok := byName[first.Against]; ok {
			if first.TestData != other.Results[0].TestData {
				return "", fmt.Errorf("experiments: %s and %s were tested on different images; run both on the same data", g.Name, other.Name)
			}
			i := deviation.Compare(g, other)
			difference, against = fmt.Sprintf("%+.2f", 100*i.Difference), other.Name
			if deviation.Freedom > 0 {
				difference += fmt.Sprintf(" ± %.2f: %s", 100*(i.High-i.Difference), Verdict(g, other, i))
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %.4f | %s | %s | %.4f | %.1f |\n", g.Name, first.Change, len(g.Results), first.Steps,
			g.dev(), g.mean(func(r *Result) float64 { return r.TestAccuracy }), difference, against, first.FLOPs/1e15,
			g.mean(func(r *Result) float64 { return r.Seconds / 60 }))
	}
	return b.String(), nil
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

// dev returns the mean of the best dev accuracies, as text.
func (g Group) dev() string {
	if g.Results[0].WithDev {
		return "trained on"
	}
	return fmt.Sprintf("%.4f", g.mean(func(r *Result) float64 { return r.BestDev }))
}

func (g Group) mean(value func(*Result) float64) float64 {
	var values []float64
	for _, r := range g.Results {
		values = append(values, value(r))
	}
	mean, _ := metrics.MeanStd(values)
	return mean
}
