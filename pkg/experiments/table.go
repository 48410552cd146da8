package experiments

import (
	"fmt"
	"strings"
)

// Table returns a Markdown table of results. Each row is compared with the row named in Against, if that is among them: by the
// difference of their test accuracies, in points, and the verdict of McNemar's test.
func Table(all []*Result) (string, error) {
	byName := map[string]*Result{}
	for _, r := range all {
		byName[r.Name] = r
	}
	var b strings.Builder
	b.WriteString("| row | what is changed | steps | best dev | test accuracy | difference | against | PFLOP | minutes |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|---|--:|--:|\n")
	for _, r := range all {
		difference, against := "", ""
		if other := byName[r.Against]; other != nil {
			c, err := Compare(r, other)
			if err != nil {
				return "", err
			}
			difference = fmt.Sprintf("%+.2f: %s", 100*(r.TestAccuracy-other.TestAccuracy), c.Verdict())
			against = other.Name
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %.4f | %s | %s | %s | %.4f | %.1f |\n", r.Name, r.Change, r.Steps, r.BestDev,
			r.Test(), difference, against, r.FLOPs/1e15, r.Seconds/60)
	}
	return b.String(), nil
}
