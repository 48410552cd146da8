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

func TestHeatMap(t *testing.T) {
	t.Parallel()
	f, err := HeatMap(plain(8, 8, color.White), [][]float64{{0, 0}, {0, 1}}, 3)
	require.NoError(t, err)
	_, elements := parse(t, f.SVG())
	require.Equal(t, 4, elements["image"], "image, map, both, and the colour scale")

	for want, c := range map[string]struct {
		img  image.Image
		heat [][]float64
	}{
		"the image has no pixels":            {nil, [][]float64{{1}}},
		"empty table":                        {plain(1, 1, Blue), nil},
		"row 1 of a table has 1 numbers":     {plain(1, 1, Blue), [][]float64{{1, 2}, {3}}},
		"row 0, column 1 of a table is NaN":  {plain(1, 1, Blue), [][]float64{{1, math.NaN()}}},
		"row 0, column 0 of a table is +Inf": {plain(1, 1, Blue), [][]float64{{math.Inf(1)}}},
	} {
		_, err := HeatMap(c.img, c.heat, 1)
		require.ErrorContains(t, err, want)
	}
}

// The colour scale names the table's smallest and largest number and shows all colours in their order.
func TestHeatScale(t *testing.T) {
	t.Parallel()
	f, err := HeatMap(plain(8, 8, color.White), [][]float64{{0.25, 1}, {1234, 0.5}}, 3)
	require.NoError(t, err)
	require.Contains(t, f.Alt, "Colour scale: low 0.25 (black), high 1.23e+03 (white).")
	texts, _ := parse(t, f.SVG())
	require.Subset(t, texts, []string{"low 0.25", "high 1.23e+03"})
	bars := embedded.FindAllStringSubmatch(string(f.SVG()), -1)
	bar, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(bars[3][1])))
	require.NoError(t, err)
	last := bar.Bounds().Dx() - 1
	require.Equal(t, heatBarHeight, bar.Bounds().Dy())
	require.GreaterOrEqual(t, last+1, heatBarWidth)
	for y := range heatBarHeight {
		require.Equal(t, heatColors[0], color.NRGBAModel.Convert(bar.At(0, y)))
		require.Equal(t, heatColors[255], color.NRGBAModel.Convert(bar.At(last, y)))
		for x := range last {
			require.LessOrEqual(t, luminance(bar.At(x, y)), luminance(bar.At(x+1, y))+0.005, "from dark to bright")
		}
	}
	size := regexp.MustCompile(`<image [^>]*?width="([\d.]+)" height="([\d.]+)"`).FindAllStringSubmatch(string(f.SVG()), -1)[3]
	require.InDelta(t, last+1, parseFloat(t, size[1]), 0.1, "an SVG file keeps an image's proportions, so they must be the bar's")
	require.InDelta(t, heatBarHeight, parseFloat(t, size[2]), 0.1)
	_, drawing, _ := strings.Cut(string(f.SVG()), "</style>")
	require.Contains(t, drawing, "stroke:#525D68", "a frame, so that black is seen on a dark card and white on a light one")

	small := Grid{Images: []image.Image{plain(1, 1, Blue)}, Cols: 1, Scale: 3, Heat: &HeatRange{-3, 3}}
	f, err = small.Figure()
	require.NoError(t, err)
	require.GreaterOrEqual(t, f.width, small.Heat.minWidth(), "room for the scale below a small image")
	_, _, h := small.layout()
	require.Equal(t, h+heatScaleHeight, f.height)
	small.Heat = nil
	f, err = small.Figure()
	require.NoError(t, err)
	require.Equal(t, h, f.height, "no scale without a range")
}

func TestOverlayShowsImageWhereHeatIsZero(t *testing.T) {
	t.Parallel()
	grey := color.Gray{Y: 100}
	img := overlay(plain(2, 1, grey), [][]float64{{0, 1}})
	require.Equal(t, color.NRGBA{100, 100, 100, 255}, img.At(0, 0))
	require.NotEqual(t, img.At(0, 0), img.At(1, 0))
}

func TestMapImage(t *testing.T) {
	t.Parallel()
	img, err := MapImage([][]float64{{-5, 0, 0.5}, {1, 9, 0.9}}, 0, 1)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 3, 2), img.Bounds())
	require.Equal(t, img.At(0, 0), img.At(1, 0), "values below the lower limit must look like it")
	require.Equal(t, img.At(0, 1), img.At(1, 1), "values above the upper limit must look like it")
	require.Less(t, luminance(img.At(0, 0)), luminance(img.At(2, 0)))
	require.Less(t, luminance(img.At(2, 0)), luminance(img.At(2, 1)))
	require.Less(t, luminance(img.At(2, 1)), luminance(img.At(0, 1)))
	_, err = MapImage([][]float64{{3, 3}}, 0, 1)
	require.NoError(t, err, "all values are equal")
	_, err = MapImage([][]float64{{1}}, 1, 1)
	require.ErrorContains(t, err, "lo=1, hi=1")
	for _, values := range [][][]float64{nil, {{}}} {
		_, err = MapImage(values, 0, 1)
		require.ErrorContains(t, err, "empty table")
	}
}

func TestRGBImage(t *testing.T) {
	t.Parallel()
	img, err := RGBImage([][]float64{{-1, 1}}, [][]float64{{0, 0}}, [][]float64{{1, -1}})
	require.NoError(t, err)
	require.Equal(t, color.NRGBA{0, 128, 255, 255}, img.At(0, 0))
	require.Equal(t, color.NRGBA{255, 128, 0, 255}, img.At(1, 0))
	_, err = RGBImage([][]float64{{1}}, [][]float64{{1}, {2}}, [][]float64{{1}})
	require.ErrorContains(t, err, "1, 2 and 1 rows")
	_, err = RGBImage(nil, nil, nil)
	require.Error(t, err)
}
