package chart

import (
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
)

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
		require.Greater(t, contrast(luminance(c), luminance(card)), 3.0, "contrast of a line on the card (WCAG 1.4.11)")
	}
	for _, c := range []color.Color{Ink, Muted} {
		require.Greater(t, contrast(luminance(c), luminance(card)), 4.5, "contrast of text on the card (WCAG 1.4.3)")
	}
	require.Equal(t, card, textColorOn(Blue))
	require.Equal(t, Ink, textColorOn(card))
}
