package chart

import (
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var embedded = regexp.MustCompile(`<image style="image-rendering:pixelated" [^>]*xlink:href="data:image/png;base64,([^"]*)"`)

func TestImages(t *testing.T) {
	t.Parallel()
	quarters := image.NewRGBA(image.Rect(0, 0, 2, 2))
	quarters.Set(0, 0, color.RGBA{255, 0, 0, 255})
	quarters.Set(1, 0, color.RGBA{0, 255, 0, 255})
	quarters.Set(0, 1, color.RGBA{0, 0, 255, 255})
	quarters.Set(1, 1, color.RGBA{255, 255, 255, 255})
	f, err := Images([]image.Image{quarters}, []string{"four"}, 1, 50)
	require.NoError(t, err)
	w, h := f.width, f.height
	require.Equal(t, 2*margin+100.0, w)
	require.Equal(t, 2*margin+100.0+6+lineHeight, h)

	texts, _ := parse(t, f.SVG())
	require.Contains(t, texts, "four")
	inside := embedded.FindStringSubmatch(string(f.SVG()))
	require.NotNil(t, inside)
	img, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(inside[1])))
	require.NoError(t, err)
	require.Equal(t, quarters.Bounds(), img.Bounds(), "an SVG file must contain the image unchanged")

	// In the PNG each pixel of the image is a square of 100×100 equal pixels.
	big := f.rasterize(pngScale)
	for y := range 2 {
		for x := range 2 {
			for _, d := range []int{1, 50, 98} {
				got := color.RGBAModel.Convert(big.At(2*margin+100*x+d, 2*margin+100*y+d))
				require.Equal(t, quarters.At(x, y), got, "pixel %d, %d, at %d", x, y, d)
			}
		}
	}
}

func TestGridLayout(t *testing.T) {
	t.Parallel()
	g := Grid{Images: []image.Image{plain(8, 8, Blue), plain(8, 8, Blue), plain(4, 2, Blue)}, Cols: 2, Scale: 10}
	cells, w, h := g.layout()
	require.Len(t, cells, 3)
	require.Equal(t, 2*margin+2*80+imageGap+0.0, w)
	require.Equal(t, 2*margin+2*80+imageGap+0.0, h)
	require.Equal(t, cells[0].y, cells[1].y)
	require.Equal(t, margin+80+imageGap+30.0, cells[2].y, "a small image must be centred in its cell")
	require.Equal(t, margin+20.0, cells[2].x)

	g.Captions = []string{"a", "b", "one two three four five six seven"}
	cells, _, _ = g.layout()
	require.Equal(t, []string{"a"}, cells[0].lines)
	require.Greater(t, len(cells[2].lines), 1, "a long caption must wrap")
	require.Equal(t, g.Captions[2], strings.Join(cells[2].lines, " "))
}

func TestGridFrames(t *testing.T) {
	t.Parallel()
	white := []image.Image{plain(2, 2, color.White), plain(2, 2, color.White)}
	for framed, want := range map[bool]int{false: 0, true: 2} {
		f, err := Grid{Images: white, Framed: framed}.Figure()
		require.NoError(t, err)
		_, drawing, _ := strings.Cut(string(f.SVG()), "</style>")
		require.Equal(t, want, strings.Count(drawing, "stroke:#525D68"), "framed %v", framed)
	}
}

func TestGridErrors(t *testing.T) {
	t.Parallel()
	one := []image.Image{plain(1, 1, Blue)}
	for want, g := range map[string]Grid{
		"no images":                      {},
		"len(Captions)=2, len(Images)=1": {Images: one, Captions: []string{"a", "b"}},
		"image 0 is nil":                 {Images: []image.Image{nil}},
		"image 0 has no pixels":          {Images: []image.Image{image.NewGray(image.Rect(0, 0, 0, 3))}},
		"colour scale from 2 to 1":       {Images: one, Heat: &HeatRange{2, 1}},
		"colour scale from NaN to 1":     {Images: one, Heat: &HeatRange{math.NaN(), 1}},
		"the maximum is 8000 by 8000":    {Images: one, Scale: 9000},
	} {
		_, err := g.Figure()
		require.ErrorContains(t, err, want)
	}
}
