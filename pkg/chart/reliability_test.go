package chart

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
	require.ErrorContains(t, err, "len(confidence)=1, len(correct)=0")
	_, err = Calibration(nil, nil, 0)
	require.ErrorContains(t, err, "in 0 bins")
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
		"all bins are empty": {{}, {}},
		"bin 0":              {{Confidence: 2, Count: 1}},
		"accuracy NaN":       {{Accuracy: math.NaN(), Count: 1}},
		"count -1":           {{Count: -1}},
	} {
		_, err := Reliability("", bins)
		require.ErrorContains(t, err, want)
	}
}
