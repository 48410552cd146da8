package chart

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCurves(t *testing.T) {
	t.Parallel()
	f, err := Curves(Axes{Title: "Loss", XLabel: "epoch", YLabel: "nats"},
		Series{Name: "train", Y: []float64{3, 2, 1, 1, 1}},
		Series{Name: "dev", X: []float64{0, 4}, Y: []float64{3, 2}, Points: true, Best: "lowest 2", BestAt: 1})
	require.NoError(t, err)
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"Loss", "epoch", "nats", "train", "dev", "lowest 2", "0", "1", "2", "3", "4"})
	require.Equal(t, "Loss, against epoch: train from 3 to 1; dev from 3 to 2, lowest 2.", f.Alt)
	svg := string(f.SVG())
	require.Contains(t, svg, "stroke:#0072B2")
	require.Contains(t, svg, "stroke:#D55E00")
	require.Equal(t, 5, longest(svg), "points of the longest line")
}

var stroked = regexp.MustCompile(`<path d="(M[^A"]*)" style="fill:none`)

// longest returns the number of points of the longest line in an SVG file.
func longest(svg string) int {
	n := 0
	for _, path := range stroked.FindAllStringSubmatch(svg, -1) {
		n = max(n, strings.Count(path[1], "L")+1)
	}
	return n
}

func TestCurvesCopyTheirInput(t *testing.T) {
	t.Parallel()
	y := []float64{1, 2, 3}
	f, err := Curves(Axes{}, Series{Name: "y", Y: y})
	require.NoError(t, err)
	before := f.SVG()
	y[1] = 100
	require.Equal(t, before, f.SVG(), "a figure must not change with its input")
}

func TestCurvesErrors(t *testing.T) {
	t.Parallel()
	ok := Series{Name: "s", Y: []float64{1, 2}}
	nan, inf := math.NaN(), math.Inf(1)
	for want, c := range map[string]struct {
		axes   Axes
		series []Series
	}{
		"no series":                        {},
		`series "s" has no points`:         {series: []Series{{Name: "s"}}},
		"len(X)=1, len(Y)=2":               {series: []Series{{X: []float64{1}, Y: []float64{1, 2}}}},
		"point 1 is (1, NaN)":              {series: []Series{{Y: []float64{1, nan}}}},
		"point 0 is (0, +Inf)":             {series: []Series{{Y: []float64{inf}}}},
		"point 1 is (NaN, 2)":              {series: []Series{{X: []float64{1, nan}, Y: []float64{1, 2}}}},
		"point 0 is (0, 1e+300)":           {series: []Series{{Y: []float64{1e300}}}},
		"point 1: 0 on a logarithmic axis": {axes: Axes{LogY: true}, series: []Series{{Y: []float64{1, 0}}}},
		"BestAt is 2: must be from 0 to 1": {series: []Series{{Y: []float64{1, 2}, Best: "b", BestAt: 2}}},
		"XMin is NaN":                      {axes: Axes{XMin: &nan}, series: []Series{ok}},
		"YMin is 2 and YMax is 1":          {axes: Axes{YMin: new(2.0), YMax: new(1.0)}, series: []Series{ok}},
		"limit -1 on a logarithmic axis":   {axes: Axes{LogY: true, YMin: new(-1.0)}, series: []Series{ok}},
		"limit 0 on a logarithmic axis":    {axes: Axes{LogY: true, YMax: new(0.0)}, series: []Series{ok}},
		"from 0 to 4000":                   {axes: Axes{Width: 1e9}, series: []Series{ok}},
	} {
		f, err := Curves(c.axes, c.series...)
		require.ErrorContains(t, err, want)
		require.Nil(t, f)
	}
}

func TestAxisRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lo, hi       float64
		setLo, setHi *float64
		wantLo, want float64
	}{
		{1, 2, nil, nil, 1, 2},
		{1, 2, new(0.0), new(3.0), 0, 3},
		{5, 5, nil, nil, 4.5, 5.5},
		{0, 0, nil, nil, -1, 1},
		{1, 2, new(10.0), nil, 10, 10.2},
		{1, 2, nil, new(0.5), 0.45, 0.5},
	} {
		lo, hi := axisRange(c.lo, c.hi, c.setLo, c.setHi)
		require.InDelta(t, c.wantLo, lo, 1e-12)
		require.InDelta(t, c.want, hi, 1e-12)
	}
}

// FuzzCurves checks that all numbers and limits give a well-formed figure or an error.
func FuzzCurves(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, 0.0, 1.0, false)
	f.Add(0.0, 0.0, 0.0, 0.0, 0.0, true)
	f.Add(1e15, 1e15, -1e15, 5e-324, 1e15, true)
	f.Add(1e-300, 1e-300, 1e15, 1e14, 1e14+1, true)
	f.Add(1e15, 999999999999999.9, 1e15, 1e15-0.1, 1e15, false)
	f.Fuzz(func(t *testing.T, a, b, c, lo, hi float64, log bool) {
		for _, axes := range []Axes{{LogY: log}, {LogY: log, YMin: &lo, YMax: &hi, XMin: &lo, XMax: &hi}, {LogY: log, YMax: &hi, XMin: &lo}} {
			fig, err := Curves(axes, Series{X: []float64{c, a, b}, Y: []float64{a, b, c}, Best: "best"})
			if err == nil {
				parse(t, fig.SVG())
			}
			fig, err = Histogram(axes, 3, Series{Y: []float64{a, b, c}}, Series{Y: []float64{c}})
			if err == nil {
				parse(t, fig.SVG())
			}
		}
	})
}
