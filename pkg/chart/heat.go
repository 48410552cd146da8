package chart

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
	"gonum.org/v1/plot/palette/moreland"
)

// Heat shows where a heat map lies on an image: the image, the map and both together, side by side. heat[row][column]
// may be much coarser than the image, as the map of Grad-CAM is; it is stretched over it. Scale is the number of screen
// pixels for each pixel of the image.
func Heat(img image.Image, heat [][]float64, scale int) (*Figure, error) {
	if img == nil || img.Bounds().Empty() {
		return nil, errors.New("chart: heat map: the image has no pixels")
	}
	h, err := stretch(heat, img.Bounds().Dx(), img.Bounds().Dy())
	if err != nil {
		return nil, err
	}
	return Grid{
		Images:   []image.Image{img, colours(h), blend(img, h)},
		Captions: []string{"image", "heat map", "together"},
		Cols:     3, Scale: scale,
	}.Figure()
}

// MapImage makes an image of a table of numbers, values[row][column]: the lowest is black, the highest white, between
// them blue, red and yellow. It shows what a feature map or a filter holds; put several into [Images].
func MapImage(values [][]float64) (image.Image, error) {
	v, err := normalise(values)
	if err != nil {
		return nil, err
	}
	return colours(v), nil
}

// MapImageBetween is MapImage with limits of its own, so that 0 stays black or that several maps can be compared: lo and
// what lies below is black, hi and what lies above is white.
func MapImageBetween(values [][]float64, lo, hi float64) (image.Image, error) {
	if !(lo < hi) {
		return nil, fmt.Errorf("chart: a map between %g and %g: want the smaller one first", lo, hi)
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
	return colours(v), nil
}

// RGBImage makes an image of three tables of numbers, for red, green and blue, stretched together so that the lowest of
// all is 0 and the highest full brightness: the way to look at the filters of a first layer.
func RGBImage(r, g, b [][]float64) (image.Image, error) {
	all := append(append(append([][]float64{}, r...), g...), b...)
	v, err := normalise(all)
	if err != nil {
		return nil, err
	}
	h := len(r)
	if len(g) != h || len(b) != h {
		return nil, fmt.Errorf("chart: image of channels with %d, %d and %d rows: want as many", h, len(g), len(b))
	}
	out := image.NewNRGBA(image.Rect(0, 0, len(v[0]), h))
	for y := range h {
		for x := range v[y] {
			out.SetNRGBA(x, y, color.NRGBA{byte255(v[y][x]), byte255(v[h+y][x]), byte255(v[2*h+y][x]), 0xff})
		}
	}
	return out, nil
}

// normalise checks that the table is a rectangle of numbers, and gives it with the lowest at 0 and the highest at 1.
func normalise(values [][]float64) ([][]float64, error) {
	if len(values) == 0 || len(values[0]) == 0 {
		return nil, errors.New("chart: a table without numbers: want at least one row and one column")
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for y, row := range values {
		if len(row) != len(values[0]) {
			return nil, fmt.Errorf("chart: row %d of a table has %d numbers, row 0 has %d: want as many", y, len(row), len(values[0]))
		}
		for x, v := range row {
			if !(math.Abs(v) <= limit) {
				return nil, fmt.Errorf("chart: row %d, column %d of a table is %g: want a number between -1e15 and 1e15", y, x, v)
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

// stretch normalises a table and spreads it, smoothly, over w by h pixels.
func stretch(values [][]float64, w, h int) ([][]float64, error) {
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

// ramp is the scale of colours from 0 to 1.
var ramp = func() [256]color.NRGBA {
	var out [256]color.NRGBA
	m := moreland.ExtendedBlackBody()
	m.SetMax(1)
	for i := range out {
		c, err := m.At(float64(i) / 255)
		if err != nil {
			panic("chart: colour scale: " + err.Error()) // all of 0 to 1 has a colour
		}
		out[i] = color.NRGBAModel.Convert(c).(color.NRGBA)
	}
	return out
}()

func byte255(v float64) uint8 { return uint8(math.Round(255 * v)) }

// colours paints a table of numbers from 0 to 1.
func colours(v [][]float64) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, len(v[0]), len(v)))
	for y, row := range v {
		for x, f := range row {
			out.SetNRGBA(x, y, ramp[byte255(f)])
		}
	}
	return out
}

// blend lays the heat over the image in grey: the hotter, the more colour.
func blend(img image.Image, heat [][]float64) image.Image {
	min := img.Bounds().Min
	out := image.NewNRGBA(image.Rect(0, 0, len(heat[0]), len(heat)))
	for y, row := range heat {
		for x, f := range row {
			grey := float64(color.GrayModel.Convert(img.At(min.X+x, min.Y+y)).(color.Gray).Y)
			hot, a := ramp[byte255(f)], 0.65*f
			part := func(c uint8) uint8 { return uint8(math.Round((1-a)*grey + a*float64(c))) }
			out.SetNRGBA(x, y, color.NRGBA{part(hot.R), part(hot.G), part(hot.B), 0xff})
		}
	}
	return out
}
