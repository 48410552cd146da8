package chart

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	sty := textStyle(textSize, false, Ink)
	require.Equal(t, []string{"automobile →", "ship"}, wrap("automobile → ship", sty, 96))
	require.Equal(t, []string{"a", "", "b c"}, wrap("a\n\nb c", sty, 96))
	require.Equal(t, []string{"averylongwordindeed"}, wrap("averylongwordindeed", sty, 10))
	require.Equal(t, []string{""}, wrap("", sty, 10))
	require.Equal(t, "automo…", fit("automobile", sty, 60))
	require.Equal(t, "…", fit("automobile", sty, 0))
	require.Equal(t, "cat", fit("cat", sty, 60))
	require.Equal(t, 26.0, width("训练", sty), "a Chinese character must be as wide as high")
}

// FuzzWrap checks that wrapping loses no word.
func FuzzWrap(f *testing.F) {
	f.Add("automobile → ship", 50.0)
	f.Add("a\n b", -1.0)
	f.Fuzz(func(t *testing.T, s string, max float64) {
		lines := wrap(s, textStyle(textSize, false, Ink), max)
		require.Equal(t, strings.Fields(s), strings.Fields(strings.Join(lines, "\n")))
	})
}
