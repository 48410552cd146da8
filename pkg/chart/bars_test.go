package chart

import (
	"math"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBars(t *testing.T) {
	t.Parallel()
	f, err := Bars(Axes{Title: "Class balance", XLabel: "images"}, classes, []float64{4000, 2000, 0, 4000, 1, 2, 3, 4, 5, 1234}, 3)
	require.NoError(t, err)
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, append([]string{"Class balance", "images", "4,000", "2,000", "0", "1,234"}, classes...))
	require.Contains(t, f.Alt, "Class balance: airplane 4,000, automobile 2,000")
	long := barWidths(t, string(f.SVG()), "#0072B2")
	require.Len(t, long, 9)
	require.InDelta(t, long[0]/2, long[1], 0.1, "half the value, half the length")
	require.Len(t, barWidths(t, string(f.SVG()), "#D55E00"), 1, "one bar is highlighted")
}

// barWidths returns the width of each rectangle filled with a colour.
func barWidths(t *testing.T, svg, color string) (out []float64) {
	for _, m := range regexp.MustCompile(`d="M([\d.]+),[\d.]+L([\d.]+),[^"]*" style="fill:`+color).FindAllStringSubmatch(svg, -1) {
		from, err := strconv.ParseFloat(m[1], 64)
		require.NoError(t, err)
		to, err := strconv.ParseFloat(m[2], 64)
		require.NoError(t, err)
		out = append(out, to-from)
	}
	return out
}

func TestBarsErrors(t *testing.T) {
	t.Parallel()
	two := []string{"a", "b"}
	for want, c := range map[string]struct {
		labels []string
		values []float64
		high   []int
	}{
		"no labels":                         {},
		"len(labels)=2, len(values)=1":      {two, []float64{1}, nil},
		"value 1 (b) is NaN":                {two, []float64{1, math.NaN()}, nil},
		"value 0 (a) is -1":                 {two, []float64{-1, 1}, nil},
		"highlight 2: must be from 0 to 1":  {two, []float64{1, 1}, []int{2}},
		"highlight -1: must be from 0 to 1": {two, []float64{1, 1}, []int{-1}},
	} {
		_, err := Bars(Axes{}, c.labels, c.values, c.high...)
		require.ErrorContains(t, err, want)
	}
	_, err := Bars(Axes{XMax: new(math.Inf(1))}, two, []float64{1, 2})
	require.ErrorContains(t, err, "XMax")
	f, err := Bars(Axes{Width: 300}, two, []float64{0, 0})
	require.NoError(t, err, "all values are zero")
	w := f.width
	require.Equal(t, 300.0, w)
}
