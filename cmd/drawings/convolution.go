package main

import (
	"fmt"
	"math"
	"strings"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
)

// sobel is the kernel of notebook 02: what is right of a pixel minus what is left of it.
var sobel = [3][3]float64{{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}}

// brightness returns 5×5 brightness values from 0 to 1, rounded to tenths, of the truck in notebook 02.
func brightness(d *cifar.Dataset, top, left int) (x [5][5]float64) {
	const index = 1
	for row := range x {
		for column := range x[row] {
			at := index*cifar.ImageSize + ((top+row)*cifar.Width+left+column)*cifar.Channels
			sum := 0
			for _, v := range d.Pixels[at:][:cifar.Channels] {
				sum += int(v)
			}
			x[row][column] = math.Round(float64(sum)/3/255*10) / 10
		}
	}
	return x
}

// clearest returns the 5×5 piece of the picture whose results differ most: it has a clear edge.
func clearest(d *cifar.Dataset) (best [5][5]float64) {
	widest := -1.0
	for top := range cifar.Height - 4 {
		for left := range cifar.Width - 4 {
			x := brightness(d, top, left)
			lo, hi := math.Inf(1), math.Inf(-1)
			for place := range 9 {
				sum, _ := convolve(x, place/3, place%3)
				lo, hi = min(lo, sum), max(hi, sum)
			}
			if hi-lo > widest {
				widest, best = hi-lo, x
			}
		}
	}
	return best
}

// convolve returns the sum of the products of the kernel and the 3×3 values from the given place, and the sum written out.
func convolve(x [5][5]float64, row, column int) (sum float64, terms string) {
	var b strings.Builder
	for i := range 3 {
		for j := range 3 {
			w, v := sobel[i][j], x[row+i][column+j]
			sum += w * v
			if w != 0 {
				sign := map[bool]string{true: "−", false: "+"}[w < 0]
				factor := ""
				if math.Abs(w) != 1 {
					factor = fmt.Sprintf("%g·", math.Abs(w))
				}
				fmt.Fprintf(&b, " %s %s%.1f", sign, factor, v)
			}
		}
	}
	terms = strings.TrimPrefix(strings.TrimSpace(b.String()), "+ ")
	if rest, ok := strings.CutPrefix(terms, "− "); ok {
		terms = "−" + rest
	}
	return math.Round(sum*10) / 10, terms
}

// convolution draws three positions of a 3×3 kernel on real pixels, with the sums written out.
func convolution(l *lab.Lab, lang language) (*chart.Figure, error) {
	d, err := cifar.Open(l.Source, cifar.Train)
	if err != nil {
		return nil, err
	}
	x := clearest(d)
	steps := [][2]int{{0, 0}, {0, 1}, {2, 2}}
	first, _ := convolve(x, 0, 0)
	return chart.Sketch{
		Title: lang.in("A 3×3 convolution: multiply, add up, move on", "3×3卷积：相乘、求和、移到下一个位置"),
		Alt: fmt.Sprintf(lang.in("Three steps of a 3×3 kernel on a 5×5 piece of a picture. At each position nine weights are multiplied by nine pixels and added up; the first result is %.1f.",
			"3×3卷积核在5×5的图像局部上的三步。在每个位置上，九个权重与九个像素分别相乘再求和；第一个结果是%.1f。"), first),
		Width: 520, Height: 44 + 186*float64(len(steps)),
		Paint: func(p chart.Pen) {
			for n, s := range steps {
				paintStep(p, 44+186*float64(n), x, s, lang)
			}
		},
	}.Figure(), nil
}

const cellSize = 25.0

// paintStep draws the piece of the picture, the kernel and the results so far, for one position of the kernel.
func paintStep(p chart.Pen, y float64, x [5][5]float64, at [2]int, lang language) {
	const picture, kernel, output = 16.0, 197.0, 334.0
	centre := y + 20 + 2.5*cellSize
	small := y + 20 + cellSize
	muted := chart.Text{Color: chart.Muted}
	p.Text(picture, y+8, lang.in("brightness", "亮度"), muted)
	p.Text(kernel, y+8, lang.in("kernel", "卷积核"), muted)
	p.Text(output, y+8, lang.in("result", "结果"), muted)
	for i, row := range x {
		for j, v := range row {
			p.Box(picture+float64(j)*cellSize, y+20+float64(i)*cellSize, cellSize, cellSize, chart.Tint(chart.Blue, 0.05+0.5*v), nil)
			p.Text(picture+(float64(j)+0.5)*cellSize, y+20+(float64(i)+0.5)*cellSize, fmt.Sprintf("%.1f", v), chart.Text{Anchor: chart.Middle, Size: 12})
		}
	}
	fx, fy := picture+float64(at[1])*cellSize, y+20+float64(at[0])*cellSize
	for _, grow := range []float64{-0.5, 0.5, 1.5} { // a frame of three pixels
		p.Box(fx-grow, fy-grow, 3*cellSize+2*grow, 3*cellSize+2*grow, nil, chart.Vermillion)
	}
	p.Text(169, centre, "×", chart.Text{Anchor: chart.Middle, Size: 18})
	p.Text(303, centre, "=", chart.Text{Anchor: chart.Middle, Size: 18})
	for i, row := range sobel {
		for j, w := range row {
			p.Box(kernel+float64(j)*cellSize, small+float64(i)*cellSize, cellSize, cellSize, chart.Tint(chart.Vermillion, 0.12), chart.Vermillion)
			p.Text(kernel+(float64(j)+0.5)*cellSize, small+(float64(i)+0.5)*cellSize, minus(fmt.Sprintf("%g", w)), chart.Text{Anchor: chart.Middle, Size: 12})
		}
	}
	for i := range 3 {
		for j := range 3 {
			ox, oy := output+float64(j)*1.6*cellSize, small+float64(i)*cellSize
			p.Box(ox, oy, 1.6*cellSize, cellSize, chart.Tint(chart.Blue, 0.1), chart.Blue)
			if i*3+j > at[0]*3+at[1] {
				continue
			}
			sum, _ := convolve(x, i, j)
			p.Text(ox+0.8*cellSize, oy+0.5*cellSize, minus(fmt.Sprintf("%.1f", sum)), chart.Text{Anchor: chart.Middle, Size: 12, Bold: i == at[0] && j == at[1]})
		}
	}
	sum, terms := convolve(x, at[0], at[1])
	p.Text(picture, y+162, terms+" = "+minus(fmt.Sprintf("%.1f", sum)), chart.Text{})
}

// minus writes a number with a real minus sign.
func minus(s string) string { return strings.Replace(s, "-", "−", 1) }
