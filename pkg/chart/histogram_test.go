package chart

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHistogram(t *testing.T) {
	t.Parallel()
	require.Equal(t, []float64{1, 2, 1, 1}, binCounts([]float64{0, 1, 1, 2, 4, 9, -9}, 0, 4, 4), "4 belongs to the last bin, 9 and -9 to none")
	f, err := Histogram(Axes{Title: "Pixels", XLabel: "value"}, 4, Series{Y: []float64{0, 1, 1, 2, 4}})
	require.NoError(t, err)
	require.Equal(t, "Pixels: 5 values from 0 to 4, mean 1.6.", f.Alt)
	require.Equal(t, 8, longest(string(f.SVG())), "two points per bin")
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"Pixels", "value", "values"})
	f, err = Histogram(Axes{XMin: new(10.0), XMax: new(20.0)}, 4, Series{Name: "a", Y: []float64{0}}, Series{Name: "b", Y: []float64{3}})
	require.NoError(t, err, "no value is between the limits")
	texts, _ = parse(t, f.SVG())
	require.Subset(t, texts, []string{"share of the values", "a", "b"})

	for want, c := range map[string]struct {
		bins   int
		series []Series
	}{
		"no series":     {4, nil},
		"of 0 bins":     {0, []Series{{Y: []float64{1}}}},
		"has no points": {4, []Series{{Name: "x"}}},
		"NaN":           {4, []Series{{Y: []float64{math.NaN()}}}},
	} {
		_, err := Histogram(Axes{}, c.bins, c.series...)
		require.ErrorContains(t, err, want)
	}
	_, err = Histogram(Axes{XMin: new(2.0), XMax: new(1.0)}, 4, Series{Y: []float64{1}})
	require.ErrorContains(t, err, "XMin is 2")
}
