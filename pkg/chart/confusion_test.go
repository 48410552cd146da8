package chart

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfusion(t *testing.T) {
	t.Parallel()
	f, err := Confusion([][]int{{90, 10, 0}, {3, 95, 2}, {0, 0, 0}}, []string{"cat", "dog", "frog"})
	require.NoError(t, err)
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"Confusion matrix: 185 of 200 right", "cat", "dog", "frog", "90", "10", "95", "90 %", "95 %", "–", "true class", "predicted class"})
	require.Equal(t, "Confusion matrix of 3 classes: 185 of 200 examples on the diagonal; most often cat is taken for dog (10 times, 10 % of the class).", f.Alt)
	counts := 0
	for _, s := range texts {
		if _, err := strconv.Atoi(s); err == nil {
			counts++
		}
	}
	require.Equal(t, 9, counts, "one count per cell")

	f, err = Confusion([][]int{{0}}, []string{"only"})
	require.NoError(t, err)
	require.Equal(t, "Confusion matrix of 1 classes: 0 of 0 examples on the diagonal.", f.Alt)

	many := make([]string, 40)
	f, err = Confusion(diagonal(40), many)
	require.NoError(t, err)
	parse(t, f.SVG())
}

func TestConfusionErrors(t *testing.T) {
	t.Parallel()
	two := []string{"cat", "dog"}
	for want, c := range map[string]struct {
		counts [][]int
		labels []string
	}{
		"no labels":                        {},
		"41 classes":                       {nil, make([]string, 41)},
		"len(counts)=1, len(labels)=2":     {[][]int{{1, 2}}, two},
		"row 1 (dog) has 1 counts, want 2": {[][]int{{1, 2}, {3}}, two},
		"row 0 (cat), column 1 (dog) is -2: counts must not be negative": {[][]int{{1, -2}, {3, 4}}, two},
	} {
		_, err := Confusion(c.counts, c.labels)
		require.ErrorContains(t, err, want)
	}
}
