package chart

import (
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"
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
	require.InDelta(t, long[0]/2, long[1], 0.1, "half as many, half as long")
	require.Len(t, barWidths(t, string(f.SVG()), "#D55E00"), 1, "one stands out")
}

// barWidths gives the width of each filled rectangle of a colour.
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
		"there are none":            {},
		"2 labels for 1 values":     {two, []float64{1}, nil},
		"value 1 (b) is NaN":        {two, []float64{1, math.NaN()}, nil},
		"value 0 (a) is -1":         {two, []float64{-1, 1}, nil},
		"highlight 2: want 0 to 1":  {two, []float64{1, 1}, []int{2}},
		"highlight -1: want 0 to 1": {two, []float64{1, 1}, []int{-1}},
	} {
		_, err := Bars(Axes{}, c.labels, c.values, c.high...)
		require.ErrorContains(t, err, want)
	}
	_, err := Bars(Axes{XMax: new(math.Inf(1))}, two, []float64{1, 2})
	require.ErrorContains(t, err, "XMax")
	f, err := Bars(Axes{Width: 300}, two, []float64{0, 0})
	require.NoError(t, err, "all zero")
	w, _ := f.Size()
	require.Equal(t, 300.0, w)
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"18,750":    number(18750, 0),
		"1,234,567": number(1234567, 0),
		"999":       number(999, 0),
		"0.7258":    number(0.72579, 4),
		"−1,000.5":  number(-1000.5, 1),
		"0.0":       number(-0.01, 1),
	} {
		require.Equal(t, want, got)
	}
	for _, c := range []struct {
		values []float64
		want   int
	}{
		{[]float64{1, 2, 5000}, 0}, {[]float64{0.5, 0.001}, 4}, {[]float64{12.345, 1}, 2}, {[]float64{12345.6}, 0}, {[]float64{0}, 0}, {nil, 0},
	} {
		require.Equal(t, c.want, digits(c.values...), "%v", c.values)
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	contrast := func(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }
	for _, c := range palette[:4] {
		require.Greater(t, contrast(luminance(c), luminance(card)), 3.0, "a line on the card (WCAG 1.4.11)")
	}
	for _, c := range []color.Color{ink, muted} {
		require.Greater(t, contrast(luminance(c), luminance(card)), 4.5, "text on the card (WCAG 1.4.3)")
	}
	require.Equal(t, card, over(Blue))
	require.Equal(t, ink, over(card))
}

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
	require.Equal(t, 9, counts, "a count in each cell")

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
		"without labels":                       {},
		"41 classes":                           {nil, make([]string, 41)},
		"1 rows for 2 labels":                  {[][]int{{1, 2}}, two},
		"row 1 (dog) has 1 counts: want 2":     {[][]int{{1, 2}, {3}}, two},
		"row 0 (cat), column 1 (dog) is -2: w": {[][]int{{1, -2}, {3, 4}}, two},
	} {
		_, err := Confusion(c.counts, c.labels)
		require.ErrorContains(t, err, want)
	}
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	require.Equal(t, []float64{1, 2, 1, 1}, count([]float64{0, 1, 1, 2, 4, 9, -9}, 0, 4, 4), "4 is in the last bin, 9 and -9 in none")
	f, err := Histogram(Axes{Title: "Pixels", XLabel: "value"}, 4, Series{Y: []float64{0, 1, 1, 2, 4}})
	require.NoError(t, err)
	require.Equal(t, "Pixels: 5 values from 0 to 4, mean 1.6.", f.Alt)
	require.Equal(t, 8, longest(string(f.SVG())), "two points for each of four bins")
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"Pixels", "value", "values"})
	f, err = Histogram(Axes{XMin: new(10.0), XMax: new(20.0)}, 4, Series{Name: "a", Y: []float64{0}}, Series{Name: "b", Y: []float64{3}})
	require.NoError(t, err, "no value between the limits")
	texts, _ = parse(t, f.SVG())
	require.Subset(t, texts, []string{"share of the values", "a", "b"})

	for want, c := range map[string]struct {
		bins   int
		series []Series
	}{
		"without a series": {4, nil},
		"of 0 bins":        {0, []Series{{Y: []float64{1}}}},
		"has no points":    {4, []Series{{Name: "x"}}},
		"NaN":              {4, []Series{{Y: []float64{math.NaN()}}}},
	} {
		_, err := Histogram(Axes{}, c.bins, c.series...)
		require.ErrorContains(t, err, want)
	}
	_, err = Histogram(Axes{XMin: new(2.0), XMax: new(1.0)}, 4, Series{Y: []float64{1}})
	require.ErrorContains(t, err, "XMin is 2")
}

func TestCalibration(t *testing.T) {
	t.Parallel()
	bins, err := Calibration([]float64{0.05, 0.6, 0.8, 0.9, 1}, []bool{false, true, false, true, true}, 2)
	require.NoError(t, err)
	require.Equal(t, 1, bins[0].Count)
	require.Equal(t, 4, bins[1].Count)
	require.InDelta(t, 0.05, bins[0].Confidence, 1e-12)
	require.InDelta(t, 0.825, bins[1].Confidence, 1e-12)
	require.InDelta(t, 0.75, bins[1].Accuracy, 1e-12)
	require.InDelta(t, (0.05+4*0.075)/5, ECE(bins), 1e-12)
	require.Zero(t, ECE(nil))

	_, err = Calibration([]float64{1}, nil, 2)
	require.ErrorContains(t, err, "1 confidences for 0 answers")
	_, err = Calibration(nil, nil, 0)
	require.ErrorContains(t, err, "0 bins")
	_, err = Calibration([]float64{1.5}, []bool{true}, 2)
	require.ErrorContains(t, err, "confidence 0 is 1.5")
}

func TestReliability(t *testing.T) {
	t.Parallel()
	f, err := Reliability("Is it sure?", []Bin{{}, {Confidence: 0.9, Accuracy: 0.7, Count: 1500}})
	require.NoError(t, err)
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"Is it sure?", "accuracy", "1,500", "confidence of the network"})
	require.Contains(t, strings.Join(texts, "\n"), "ECE: 0.200")
	require.Contains(t, f.Alt, "mean confidence 0.900, accuracy 0.700")

	for want, bins := range map[string][]Bin{
		"no bin has an example": {{}, {}},
		"bin 0":                 {{Confidence: 2, Count: 1}},
		"accuracy NaN":          {{Accuracy: math.NaN(), Count: 1}},
		"-1 examples":           {{Count: -1}},
	} {
		_, err := Reliability("", bins)
		require.ErrorContains(t, err, want)
	}
}
