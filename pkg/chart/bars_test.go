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

func TestBarsWithErrors(t *testing.T) {
	t.Parallel()
	const ink = "#1F2933"
	values, errs := []float64{0.5, 0.25, 0}, []float64{0.1, 0.05, 0.02}
	f, err := BarsWithErrors(Axes{}, classes[:3], values, errs, 0)
	require.NoError(t, err)
	require.Equal(t, "airplane 0.5000 ± 0.1000, automobile 0.2500 ± 0.0500, bird 0.0000 ± 0.0200.", f.Alt)
	lines := horizontals(t, string(f.SVG()), ink)
	require.Len(t, lines, 3)
	end := barEnds(t, string(f.SVG()), "#D55E00")[0]
	require.InDelta(t, end, (lines[0][0]+lines[0][1])/2, 0.1, "the middle of an error bar is the end of its bar")
	long := lines[0][1] - lines[0][0]
	require.InDelta(t, 0.2/0.5*barWidths(t, string(f.SVG()), "#D55E00")[0], long, 0.1, "from value-err to value+err, on the scale of the bars")
	require.InDelta(t, long/2, lines[1][1]-lines[1][0], 0.1)
	require.InDelta(t, long/10, lines[2][1]-lines[2][0], 0.1, "none goes below zero")
	require.Less(t, lines[0][1], f.width-margin, "the longest stays in the figure")

	f, err = Bars(Axes{}, classes[:3], values)
	require.NoError(t, err)
	require.Empty(t, horizontals(t, string(f.SVG()), ink), "no errors, no error bars")
}

// horizontals returns the two ends of each horizontal line of a colour.
func horizontals(t *testing.T, svg, color string) (out [][2]float64) {
	for _, m := range regexp.MustCompile(`d="M([\d.]+),([\d.]+)L([\d.]+),([\d.]+)" style="fill:none;stroke:`+color).FindAllStringSubmatch(svg, -1) {
		if m[2] == m[4] {
			out = append(out, [2]float64{parseFloat(t, m[1]), parseFloat(t, m[3])})
		}
	}
	return out
}

// barEnds returns the right end of each rectangle filled with a colour.
func barEnds(t *testing.T, svg, color string) (out []float64) {
	for _, m := range regexp.MustCompile(`d="M[\d.]+,[\d.]+L([\d.]+),[^"]*" style="fill:`+color).FindAllStringSubmatch(svg, -1) {
		out = append(out, parseFloat(t, m[1]))
	}
	return out
}

func parseFloat(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// barWidths returns the width of each rectangle filled with a colour.
func barWidths(t *testing.T, svg, color string) (out []float64) {
	for _, m := range regexp.MustCompile(`d="M([\d.]+),[\d.]+L([\d.]+),[^"]*" style="fill:`+color).FindAllStringSubmatch(svg, -1) {
		out = append(out, parseFloat(t, m[2])-parseFloat(t, m[1]))
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
	for want, errs := range map[string][]float64{
		"len(errs)=1, len(values)=2": {0.1},
		"error 0 (of a) is -0.1":     {-0.1, 0},
		"error 1 (of b) is NaN":      {0, math.NaN()},
	} {
		_, err := BarsWithErrors(Axes{}, two, []float64{1, 1}, errs)
		require.ErrorContains(t, err, want)
	}
	_, err := Bars(Axes{XMax: new(math.Inf(1))}, two, []float64{1, 2})
	require.ErrorContains(t, err, "XMax")
	f, err := Bars(Axes{Width: 300}, two, []float64{0, 0})
	require.NoError(t, err, "all values are zero")
	w := f.width
	require.Equal(t, 300.0, w)
}
