package chart

import (
	"strings"
	"testing"

	"github.com/lucasb-eyer/go-colorful"
	"github.com/stretchr/testify/require"
)

// contrast returns WCAG's contrast of two colours, from 1 to 21.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, err := colorful.Hex(a)
	require.NoError(t, err)
	y, err := colorful.Hex(b)
	require.NoError(t, err)
	l, m := luminance(x), luminance(y)
	return (max(l, m) + 0.05) / (min(l, m) + 0.05)
}

func TestDarkContrast(t *testing.T) {
	const cardHex, inkHex, mutedHex = "#fdfdfe", "#1f2933", "#525d68"
	dark := darkened(cardHex)
	require.Greater(t, contrast(t, darkened(inkHex), dark), 10.0)
	require.Greater(t, contrast(t, darkened(mutedHex), dark), 4.5, "axis labels")
	for _, c := range palette {
		n, _ := colorful.MakeColor(c)
		require.Greater(t, contrast(t, darkened(n.Hex()), dark), 3.0, "series of colour %s", n.Hex())
	}
}

// Each text of a confusion matrix must be readable on its cell in the dark too.
func TestDarkConfusion(t *testing.T) {
	for _, scale := range []colorScale{correctScale, mistakeScale} {
		for step := range 11 {
			cell := scale.at(float64(step) / 10)
			c, _ := colorful.MakeColor(cell)
			text, _ := colorful.MakeColor(textColorOn(cell))
			require.Greater(t, contrast(t, darkened(text.Hex()), darkened(c.Hex())), 3.0, "cell %s, text %s", c.Hex(), text.Hex())
		}
	}
}

func TestDarkStyleCoversAllColours(t *testing.T) {
	for name, f := range figures(t) {
		style, drawing, ok := strings.Cut(string(f.SVG()), "</style>")
		require.True(t, ok, name)
		require.Contains(t, style, "prefers-color-scheme:dark", name)
		for _, m := range svgColor.FindAllString(drawing, -1) {
			require.Contains(t, style, `[style*="`+m+`"]`, name)
		}
	}
	require.Empty(t, darkStyle([]byte("<rect/>")))
}
