package chart

import (
	"fmt"
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

// longest gives the number of points of the longest line of an SVG file.
func longest(svg string) int {
	n := 0
	for _, path := range stroked.FindAllStringSubmatch(svg, -1) {
		n = max(n, strings.Count(path[1], "L")+1)
	}
	return n
}

func TestCurvesKeepTheirInput(t *testing.T) {
	t.Parallel()
	y := []float64{1, 2, 3}
	f, err := Curves(Axes{}, Series{Name: "y", Y: y})
	require.NoError(t, err)
	before := f.SVG()
	y[1] = 100
	require.Equal(t, before, f.SVG(), "the figure has its own copy")
}

func TestCurvesErrors(t *testing.T) {
	t.Parallel()
	ok := Series{Name: "s", Y: []float64{1, 2}}
	nan, inf := math.NaN(), math.Inf(1)
	for want, c := range map[string]struct {
		axes   Axes
		series []Series
	}{
		"without a series":                     {},
		`series "s" has no points`:             {series: []Series{{Name: "s"}}},
		"1 values of X and 2 of Y":             {series: []Series{{X: []float64{1}, Y: []float64{1, 2}}}},
		"point 1: (1, NaN)":                    {series: []Series{{Y: []float64{1, nan}}}},
		"point 0: (0, +Inf)":                   {series: []Series{{Y: []float64{inf}}}},
		"point 1: (NaN, 2)":                    {series: []Series{{X: []float64{1, nan}, Y: []float64{1, 2}}}},
		"point 0: (0, 1e+300)":                 {series: []Series{{Y: []float64{1e300}}}},
		"0 has no place on a logarithmic axis": {axes: Axes{LogY: true}, series: []Series{{Y: []float64{1, 0}}}},
		"best point 2 of 2":                    {series: []Series{{Y: []float64{1, 2}, Best: "b", BestAt: 2}}},
		"XMin is NaN":                          {axes: Axes{XMin: &nan}, series: []Series{ok}},
		"YMin is 2 and YMax is 1":              {axes: Axes{YMin: new(2.0), YMax: new(1.0)}, series: []Series{ok}},
		"limit -1 on a logarithmic axis":       {axes: Axes{LogY: true, YMin: new(-1.0)}, series: []Series{ok}},
		"limit 0 on a logarithmic axis":        {axes: Axes{LogY: true, YMax: new(0.0)}, series: []Series{ok}},
		"at most 4000":                         {axes: Axes{Width: 1e9}, series: []Series{ok}},
	} {
		f, err := Curves(c.axes, c.series...)
		require.ErrorContains(t, err, want)
		require.Nil(t, f)
	}
}

func TestTrainingCurves(t *testing.T) {
	t.Parallel()
	h := history(3000, 6)
	h.Title = "ResNet-18"
	h.TrainScoreSteps, h.TrainScore = []int{1000, 3000}, []float64{0.5, 0.9}
	f, err := TrainingCurves(h)
	require.NoError(t, err)
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"ResNet-18: loss", "ResNet-18: accuracy", "dev", "train", "training step", "best 0.7000, step 2,500"})
	require.Contains(t, strings.Join(texts, "\n"), fmt.Sprintf("train (mean of 50 steps, starts at %.2f)", h.TrainLoss[0]))
	require.Less(t, len(f.SVG()), 60_000, "a long history does not make a long file")

	f, err = TrainingCurves(Training{TrainSteps: []int{1}, TrainLoss: []float64{7.3}})
	require.NoError(t, err)
	texts, _ = parse(t, f.SVG())
	require.Contains(t, texts, "Loss")
	require.NotContains(t, texts, "Accuracy", "nothing was evaluated")
}

func TestTrainingCurvesErrors(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Training){
		"2 values of TrainLoss for 3 of TrainSteps":       func(h *Training) { h.TrainLoss = h.TrainLoss[:2] },
		"1 values of DevScore for 2 of DevSteps":          func(h *Training) { h.DevScore = h.DevScore[:1] },
		"1 values of DevLoss for 2 of DevSteps":           func(h *Training) { h.DevLoss = h.DevLoss[:1] },
		"1 values of TrainScore for 0 of TrainScoreSteps": func(h *Training) { h.TrainScore = []float64{1} },
		"without a training loss":                         func(h *Training) { h.TrainLoss, h.TrainSteps = nil, nil },
		`series "train, each step", point 0: (0, NaN)`:    func(h *Training) { h.TrainLoss[0] = math.NaN() },
		`series "dev", point 1`:                           func(h *Training) { h.DevScore[1] = math.Inf(-1) },
	} {
		h := history(3, 2)
		change(&h)
		_, err := TrainingCurves(h)
		require.ErrorContains(t, err, want)
	}
}

func TestSmooth(t *testing.T) {
	t.Parallel()
	require.Equal(t, []float64{2, 3, 4, 6}, Smooth([]float64{2, 4, 6, 8}, 3)[:4:4])
	require.Equal(t, []float64{2, 4}, Smooth([]float64{2, 4}, 0), "a window of one value changes nothing")
	require.Empty(t, Smooth(nil, 5))
}

func TestThin(t *testing.T) {
	t.Parallel()
	x, y := make([]float64, 100_000), make([]float64, 100_000)
	for i := range x {
		x[i], y[i] = float64(i), math.Sin(float64(i)/500)
	}
	y[70_001], y[70_002] = 9, -9
	tx, ty, at := thin(x, y, 12_345)
	require.Equal(t, 12_345.0, tx[at], "the point to keep")
	require.Contains(t, ty, 9.0, "a peak of one step")
	require.Contains(t, ty, -9.0)
	require.Equal(t, 0.0, tx[0])
	require.Equal(t, 99_999.0, tx[len(tx)-1])
	require.LessOrEqual(t, len(tx), 2*thinTo+5)
	require.IsIncreasing(t, tx)
}

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lo, hi float64
		whole  bool
		want   string
	}{
		{0, 18750, true, "0 5,000 10,000 15,000"},
		{0, 30, true, "0 5 10 15 20 25 30"},
		{0, 2, true, "0 1 2"},
		{0, 2, false, "0.0 0.5 1.0 1.5 2.0"},
		{0.53, 0.76, false, "0.55 0.60 0.65 0.70 0.75"},
		{-3, 3, false, "−3 −2 −1 0 1 2 3"},
		{0, 3e-6, false, "0 5e-07 1e-06 1.5e-06 2e-06 2.5e-06 3e-06"},
	} {
		var labels []string
		for _, tick := range (ticks{whole: c.whole}).Ticks(c.lo, c.hi) {
			labels = append(labels, tick.Label)
		}
		require.Equal(t, c.want, strings.Join(labels, " "))
	}
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0.1, 10, "0.1 0.2 0.5 1 2 5 10"},
		{0.001, 100, "0.001 0.01 0.1 1 10 100"},
		{1e-6, 1e-3, "1e-6 1e-5 1e-4 1e-3"},
	} {
		var labels []string
		for _, tick := range (logTicks{}).Ticks(c.lo, c.hi) {
			labels = append(labels, tick.Label)
		}
		require.Equal(t, c.want, strings.Join(labels, " "))
	}
}

func TestSpan(t *testing.T) {
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
		lo, hi := span(c.lo, c.hi, c.setLo, c.setHi)
		require.InDelta(t, c.wantLo, lo, 1e-12)
		require.InDelta(t, c.want, hi, 1e-12)
	}
}

// FuzzCurves: whatever the numbers and limits, there is a figure or an error, in good time.
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
