package chart

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"golang.org/x/image/draw"
	"gonum.org/v1/plot/palette/moreland"
)

// HeatMap draws an image, a heat map and the heat map overlaid on the image, side by side. heat[row][column] may be
// much coarser than the image, as in Grad-CAM; it is upsampled to the image's size. The colours go from the table's smallest
// number to its largest, which a colour scale below names, so two heat maps have different scales. Scale is the number of CSS
// pixels per pixel of the image.
func HeatMap(img image.Image, heat [][]float64, scale int) (*Figure, error) {
	if img == nil || img.Bounds().Empty() {
		return nil, errors.New("chart: heat map: the image has no pixels")
	}
	h, err := upsample(heat, img.Bounds().Dx(), img.Bounds().Dy())
	if err != nil {
		return nil, err
	}
	all := slices.Concat(heat...)
	return Grid{
		Images:   []image.Image{img, colorize(h), overlay(img, h)},
		Heat:     &HeatRange{slices.Min(all), slices.Max(all)},
		Captions: []string{"image", "heat map", "together"},
		Cols:     3,
		Scale:    scale,
	}.Figure()
}

// MapImage returns a table of numbers, values[row][column], as an image, for example a feature map: numbers up to lo are
// black, numbers from hi on are white, with blue, red and yellow in between. Equal limits make several maps comparable.
func MapImage(values [][]float64, lo, hi float64) (image.Image, error) {
	if !(lo < hi) {
		return nil, fmt.Errorf("chart: map image: lo=%g, hi=%g: lo must be smaller", lo, hi)
	}
	if _, err := normalise(values); err != nil {
		return nil, err
	}
	v := make([][]float64, len(values))
	for y, row := range values {
		for _, f := range row {
			v[y] = append(v[y], min(max((f-lo)/(hi-lo), 0), 1))
		}
	}
	return colorize(v), nil
}

const (
	heatScaleHeight = 30
	heatBarHeight   = 12
	heatBarWidth    = 60 // at least
)

// texts returns the labels of the ends of the colour scale.
func (r HeatRange) texts() (low, high string) {
	return fmt.Sprintf("low %.3g", r.Lo+0), fmt.Sprintf("high %.3g", r.Hi+0) // +0 turns −0 into 0
}

// minWidth returns the width of the narrowest figure with a colour scale.
func (r HeatRange) minWidth() float64 {
	low, high := r.texts()
	sty := textStyle(textSize, false, Ink)
	return 2*margin + width(low, sty) + 8 + heatBarWidth + 8 + width(high, sty)
}

// paint draws the colour scale at the bottom of a figure of the given size: a bar with the numbers of its ends.
func (r HeatRange) paint(p pen, w, h float64) {
	low, high := r.texts()
	sty := textStyle(textSize, false, Ink)
	from := margin + width(low, sty) + 8
	to := from + math.Floor(w-margin-width(high, sty)-8-from)
	// A pixel for each CSS pixel: SVG would not stretch one row of colours to the height of the bar.
	bar := image.NewNRGBA(image.Rect(0, 0, int(to-from), heatBarHeight))
	for x := range bar.Bounds().Dx() {
		for y := range heatBarHeight {
			bar.SetNRGBA(x, y, heatColors[toByte(float64(x)/float64(bar.Bounds().Dx()-1))])
		}
	}
	y := h - margin - heatBarHeight
	p.text(margin, y+heatBarHeight/2, low, sty, left)
	p.image(bar, from, y, to-from, heatBarHeight)
	p.outline(Muted, from, y, to-from, heatBarHeight)
	p.text(w-margin, y+heatBarHeight/2, high, sty, right)
}

// RGBImage returns three tables of numbers, for red, green and blue, as an image, for example a filter of the first
// layer. They are normalised together: the smallest of all numbers becomes 0, the largest full brightness.
func RGBImage(r, g, b [][]float64) (image.Image, error) {
	all := append(append(append([][]float64{}, r...), g...), b...)
	v, err := normalise(all)
	if err != nil {
		return nil, err
	}
	h := len(r)
	if len(g) != h || len(b) != h {
		return nil, fmt.Errorf("chart: RGB image: channels of %d, %d and %d rows: must be equal", h, len(g), len(b))
	}
	out := image.NewNRGBA(image.Rect(0, 0, len(v[0]), h))
	for y := range h {
		for x := range v[y] {
			out.SetNRGBA(x, y, color.NRGBA{toByte(v[y][x]), toByte(v[h+y][x]), toByte(v[2*h+y][x]), 0xff})
		}
	}
	return out, nil
}

// normalise checks that the table is a rectangle of finite numbers and scales it to the range from 0 to 1. A constant
// table becomes 0.
func normalise(values [][]float64) ([][]float64, error) {
	if len(values) == 0 || len(values[0]) == 0 {
		return nil, errors.New("chart: empty table: at least one row and one column are needed")
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for y, row := range values {
		if len(row) != len(values[0]) {
			return nil, fmt.Errorf("chart: row %d of a table has %d numbers, row 0 has %d: must be equal", y, len(row), len(values[0]))
		}
		for x, v := range row {
			if !(math.Abs(v) <= maxValue) {
				return nil, fmt.Errorf("chart: row %d, column %d of a table is %g: must be between -1e15 and 1e15", y, x, v)
			}
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	out := make([][]float64, len(values))
	for y, row := range values {
		out[y] = make([]float64, len(row))
		for x, v := range row {
			if hi > lo {
				out[y][x] = (v - lo) / (hi - lo)
			}
		}
	}
	return out, nil
}

// upsample normalises a table and interpolates it bilinearly to w by h pixels.
func upsample(values [][]float64, w, h int) ([][]float64, error) {
	v, err := normalise(values)
	if err != nil {
		return nil, err
	}
	small := image.NewGray16(image.Rect(0, 0, len(v[0]), len(v)))
	for y, row := range v {
		for x, f := range row {
			small.SetGray16(x, y, color.Gray16{Y: uint16(math.Round(65535 * f))})
		}
	}
	big := image.NewRGBA64(image.Rect(0, 0, w, h))
	draw.BiLinear.Scale(big, big.Bounds(), small, small.Bounds(), draw.Src, nil)
	out := make([][]float64, h)
	for y := range out {
		out[y] = make([]float64, w)
		for x := range out[y] {
			out[y][x] = float64(big.RGBA64At(x, y).R) / 65535
		}
	}
	return out, nil
}

// heatColors is the colour scale of heat maps, from 0 to 255: black, blue, red, yellow, white. Change it here.
var heatColors = func() [256]color.NRGBA {
	var out [256]color.NRGBA
	m := moreland.ExtendedBlackBody()
	m.SetMax(1)
	for i := range out {
		c, err := m.At(float64(i) / 255)
		if err != nil {
			panic("chart: colour scale: " + err.Error()) // every value from 0 to 1 has a colour
		}
		out[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	return out
}()

func toByte(v float64) uint8 { return uint8(math.Round(255 * v)) }

// colorize returns an image of a table of numbers from 0 to 1.
func colorize(v [][]float64) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, len(v[0]), len(v)))
	for y, row := range v {
		for x, f := range row {
			out.SetNRGBA(x, y, heatColors[toByte(f)])
		}
	}
	return out
}

// overlay blends the heat map with the image in grey: the larger the heat, the stronger its colour.
func overlay(img image.Image, heat [][]float64) image.Image {
	min := img.Bounds().Min
	out := image.NewNRGBA(image.Rect(0, 0, len(heat[0]), len(heat)))
	for y, row := range heat {
		for x, f := range row {
			grey := float64(color.GrayModel.Convert(img.At(min.X+x, min.Y+y)).(color.Gray).Y)
			hot, a := heatColors[toByte(f)], 0.65*f
			part := func(c uint8) uint8 { return uint8(math.Round((1-a)*grey + a*float64(c))) }
			out.SetNRGBA(x, y, color.NRGBA{part(hot.R), part(hot.G), part(hot.B), 0xff})
		}
	}
	return out
}
