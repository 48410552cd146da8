package experiments

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/metrics"
)

// Table returns a Markdown table with a line for each recipe: means over its seeds. A recipe is compared with the one named in
// Against, if that is among the results: by the difference of their test accuracies in points, followed by ± half the width of its
// 95 % interval, and a verdict (see judge); the last line counts the verdicts. The standard deviations of the seeds also count the results in
// others, such as PyTorch's runs of the same recipes.
func Table(all []*Result, others ...*Result) (string, error) {
	groups := Groups(all)
	deviations := SeedDeviations(slices.Concat(groups, Groups(others)))
	byName := map[string]Group{}
	for _, g := range groups {
		for _, r := range g.Results[1:] {
			if err := sameTest(r, g.Results[0]); err != nil {
				return "", err
			}
		}
		byName[g.Name] = g
	}
	var b strings.Builder
	b.WriteString("| row | what is changed | seeds | steps | best dev | test accuracy | difference | against | PFLOP | minutes |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|---|---|--:|--:|\n")
	verdicts := map[string]int{}
	for _, g := range groups {
		change, against := g.words()
		difference := ""
		if other, ok := byName[against]; ok {
			text, verdict, err := deviations.describe(g, other)
			if err != nil {
				return "", err
			}
			difference = text
			if verdict != "" {
				difference += ": " + verdict
				verdicts[verdict]++
			}
		} else {
			against = ""
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %.4f | %s | %s | %.4f | %.1f |\n", g.Name, change, len(g.Results), g.Results[0].Steps,
			g.dev(), g.TestAccuracy(), difference, against, g.Results[0].FLOPs/1e15,
			g.mean(func(r *Result) float64 { return r.Seconds / 60 }))
	}
	if len(verdicts) > 0 {
		fmt.Fprintf(&b, "\nVerdicts: better %d, worse %d, open %d, one seed %d.\n", verdicts[better], verdicts[worse], verdicts[open], verdicts[oneSeed])
	}
	return b.String(), nil
}

// describe returns the difference of two recipes in points, with its interval and verdict if there is one.
func (s StandardDeviations) describe(g, other Group) (difference, verdict string, err error) {
	if err := sameTest(g.Results[0], other.Results[0]); err != nil {
		return "", "", err
	}
	i := s.Compare(g, other)
	if math.IsInf(i.High, 1) {
		return fmt.Sprintf("%+.2f", 100*i.Difference), "", nil
	}
	return fmt.Sprintf("%+.2f ± %.2f", 100*i.Difference, 100*(i.High-i.Difference)), judge(g, other, i), nil
}

// oneSeedPoints is the difference, in accuracy, from which a recipe may be called better or worse on the evidence of one seed.
const oneSeedPoints = 0.02

// What judge returns.
const better, worse, open, oneSeed = "better", "worse", "open", "one seed"

// judge puts an interval between two recipes into words: "better" or "worse" if it excludes 0, else "open"; and "one seed" if it
// would be better or worse, but at least one of the two has one seed only and the difference is below two points.
func judge(a, b Group, i Interval) string {
	switch {
	case !i.Excludes0():
		return open
	case min(len(a.Results), len(b.Results)) < 2 && math.Abs(i.Difference) < oneSeedPoints:
		return oneSeed
	case i.Difference > 0:
		return better
	}
	return worse
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
