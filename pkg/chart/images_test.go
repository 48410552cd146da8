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
	w, h := f.Size()
	require.Equal(t, 2*margin+100.0, w)
	require.Equal(t, 2*margin+100.0+6+lineHeight, h)

	texts, _ := parse(t, f.SVG())
	require.Contains(t, texts, "four")
	inside := embedded.FindStringSubmatch(string(f.SVG()))
	require.NotNil(t, inside)
	img, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(inside[1])))
	require.NoError(t, err)
	require.Equal(t, quarters.Bounds(), img.Bounds(), "an SVG file holds the image as it is")

	// In the PNG each pixel of the image is a square of 100 equal pixels, up to its edge.
	big := f.Image()
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
	require.Equal(t, margin+80+imageGap+30.0, cells[2].y, "a small image stands in the middle of its place")
	require.Equal(t, margin+20.0, cells[2].x)

	g.Marks = []Mark{Unmarked, Unmarked, Wrong}
	g.Captions = []string{"a", "b", "one two three four five six seven"}
	cells, _, _ = g.layout()
	require.Equal(t, []string{"a"}, cells[0].lines)
	require.Greater(t, len(cells[2].lines), 1, "a long caption wraps")
	require.Equal(t, g.Captions[2], strings.Join(cells[2].lines, " "))
}

func TestGridErrors(t *testing.T) {
	t.Parallel()
	one := []image.Image{plain(1, 1, Blue)}
	for want, g := range map[string]Grid{
		"there are none":           {},
		"2 captions for 1 images":  {Images: one, Captions: []string{"a", "b"}},
		"2 marks for 1 images":     {Images: one, Marks: []Mark{Wrong, Wrong}},
		"image 0 is nil":           {Images: []image.Image{nil}},
		"image 0 has no pixels":    {Images: []image.Image{image.NewGray(image.Rect(0, 0, 0, 3))}},
		"want at most 8000 each w": {Images: one, Scale: 9000},
	} {
		_, err := g.Figure()
		require.ErrorContains(t, err, want)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	sty := style(textSize, false, ink)
	require.Equal(t, []string{"automobile →", "ship"}, wrap("automobile → ship", sty, 96))
	require.Equal(t, []string{"a", "", "b c"}, wrap("a\n\nb c", sty, 96))
	require.Equal(t, []string{"averylongwordindeed"}, wrap("averylongwordindeed", sty, 10))
	require.Equal(t, []string{""}, wrap("", sty, 10))
	require.Equal(t, "automo…", fit("automobile", sty, 60))
	require.Equal(t, "…", fit("automobile", sty, 0))
	require.Equal(t, "cat", fit("cat", sty, 60))
	require.Equal(t, 26.0, width("训练", sty), "a Chinese character is a square")
}

func TestHeat(t *testing.T) {
	t.Parallel()
	f, err := Heat(plain(8, 8, color.White), [][]float64{{0, 0}, {0, 1}}, 3)
	require.NoError(t, err)
	_, elements := parse(t, f.SVG())
	require.Equal(t, 3, elements["image"])

	for want, c := range map[string]struct {
		img  image.Image
		heat [][]float64
	}{
		"the image has no pixels":             {nil, [][]float64{{1}}},
		"a table without numbers":             {plain(1, 1, Blue), nil},
		"row 1 of a table has 1 numbers":      {plain(1, 1, Blue), [][]float64{{1, 2}, {3}}},
		"row 0, column 1 of a table is NaN":   {plain(1, 1, Blue), [][]float64{{1, math.NaN()}}},
		"row 0, column 0 of a table is +Inf:": {plain(1, 1, Blue), [][]float64{{math.Inf(1)}}},
	} {
		_, err := Heat(c.img, c.heat, 1)
		require.ErrorContains(t, err, want)
	}
}

func TestBlendShowsTheImageWhereItIsCold(t *testing.T) {
	t.Parallel()
	grey := color.Gray{Y: 100}
	img := blend(plain(2, 1, grey), [][]float64{{0, 1}})
	require.Equal(t, color.NRGBA{100, 100, 100, 255}, img.At(0, 0))
	require.NotEqual(t, img.At(0, 0), img.At(1, 0))
}

func TestMapImage(t *testing.T) {
	t.Parallel()
	img, err := MapImage([][]float64{{-5, 0, 5}})
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 3, 1), img.Bounds())
	require.Less(t, luminance(img.At(0, 0)), luminance(img.At(1, 0)))
	require.Less(t, luminance(img.At(1, 0)), luminance(img.At(2, 0)))
	_, err = MapImage([][]float64{{3, 3}})
	require.NoError(t, err, "all equal")
	_, err = MapImage([][]float64{{}})
	require.Error(t, err)
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

// FuzzWrap: wrapping loses no word.
func FuzzWrap(f *testing.F) {
	f.Add("automobile → ship", 50.0)
	f.Add("a\n b", -1.0)
	f.Fuzz(func(t *testing.T, s string, max float64) {
		lines := wrap(s, style(textSize, false, ink), max)
		require.Equal(t, strings.Fields(s), strings.Fields(strings.Join(lines, "\n")))
	})
}
