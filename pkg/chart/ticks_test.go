package chart

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lo, hi   float64
		integers bool
		want     string
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
		for _, tick := range (ticks{integers: c.integers}).Ticks(c.lo, c.hi) {
			labels = append(labels, tick.Label)
		}
		require.Equal(t, c.want, strings.Join(labels, " "))
	}
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0.1, 10, "0.1 0.2 0.5 1 2 5 10"},
		{2.2, 4.5, "2.5 3.0 3.5 4.0 4.5"},
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
