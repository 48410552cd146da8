package main

import (
	"fmt"
	"image/color"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
)

// residualBlock draws the two kinds of residual unit side by side: with x itself as the shortcut, and with a projection.
func residualBlock(_ *lab.Lab, lang language) (*chart.Figure, error) {
	outputs := map[string][]int{}
	for _, l := range resnet.Library().Summary().Layers {
		outputs[l.Name] = l.Output
	}
	shape := func(layer string) string {
		o := outputs[layer]
		return fmt.Sprintf("%d×%d×%d", o[0], o[1], o[2])
	}
	same := unit{in: shape("layer1.0.conv2"), out: shape("layer1.1.conv2")}
	smaller := unit{in: shape("layer1.1.conv2"), out: shape("layer2.0.conv2"), projection: true}
	return chart.Sketch{
		Title: lang.in("The residual unit: two paths, one sum", "残差单元：两条路径，一个和"),
		Alt: lang.in("Two residual units. On the main path are convolution 3×3, batch norm, ReLU, convolution 3×3 and batch norm; the shortcut is x itself, or a 1×1 convolution with stride 2 and batch norm where the shape changes. Both are added, then ReLU.",
			"两种残差单元。主路径依次为3×3卷积、批量规范化、ReLU、3×3卷积和批量规范化；直连边是x本身，在形状改变处是步长为2的1×1卷积和批量规范化。两者相加，再经过ReLU。"),
		Width: 520, Height: 470,
		Paint: func(p chart.Pen) {
			same.paint(p, 16, lang)
			smaller.paint(p, 268, lang)
		},
	}.Figure(), nil
}

// unit is a residual unit with the shapes of its input and output.
type unit struct {
	in, out    string
	projection bool
}

// paint draws the unit in a column of 236 pixels from left.
func (u unit) paint(p chart.Pen, left float64, lang language) {
	const boxW, boxH, step = 126.0, 30.0, 42.0
	main, side := left+boxW/2, left+191
	title, stride := lang.in("same shape: x itself", "形状不变：x本身"), ""
	if u.projection {
		title, stride = lang.in("smaller map: a projection", "特征图缩小：投影"), lang.in(", stride 2", "，步长2")
	}
	p.Text(left, 52, title, chart.Text{Color: chart.Muted})
	p.Text(main, 80, "x  "+u.in, chart.Text{Anchor: chart.Middle, Bold: true})

	norm := lang.in("batch norm", "批量规范化")
	y := 118.0
	p.Arrow(chart.Blue, 2, main, 90, main, y)
	for i, s := range []string{lang.in("conv 3×3", "3×3卷积") + stride, norm, "ReLU", lang.in("conv 3×3", "3×3卷积"), norm} {
		if i > 0 {
			p.Arrow(chart.Blue, 2, main, y-step+boxH, main, y)
		}
		box(p, main, y, boxW, boxH, s, chart.Blue)
		y += step
	}
	p.Arrow(chart.Blue, 2, main, y-step+boxH, main, y+8)
	p.Text(main-10, y-4, "F(x)", chart.Text{Anchor: chart.End, Color: chart.Muted})

	// The shortcut leaves the main path above the first box and meets it at the sum.
	sum := y + 18
	p.Line(chart.Vermillion, 2, main, 102, side, 102)
	if u.projection {
		middle := 118 + 2*step
		p.Arrow(chart.Vermillion, 2, side, 102, side, middle-step/2)
		box(p, side, middle-step/2, 86, boxH, lang.in("conv 1×1 /2", "1×1卷积 /2"), chart.Vermillion)
		p.Arrow(chart.Vermillion, 2, side, middle-step/2+boxH, side, middle+step/2)
		box(p, side, middle+step/2, 86, boxH, norm, chart.Vermillion)
		p.Arrow(chart.Vermillion, 2, side, middle+step/2+boxH, side, sum, main+10, sum)
	} else {
		p.Arrow(chart.Vermillion, 2, side, 102, side, sum, main+10, sum)
		p.Text(side-8, 118+2*step+boxH/2, lang.in("shortcut", "直连边"), chart.Text{Anchor: chart.End, Color: chart.Vermillion})
	}
	p.Dot(main, sum, 10, chart.Ink)
	p.Line(chart.Tint(chart.Ink, 0), 2, main-5, sum, main+5, sum)
	p.Line(chart.Tint(chart.Ink, 0), 2, main, sum-5, main, sum+5)
	p.Arrow(chart.Blue, 2, main, sum+10, main, sum+28)
	box(p, main, sum+28, boxW, boxH, "ReLU", chart.Blue)
	p.Arrow(chart.Blue, 2, main, sum+58, main, sum+76)
	p.Text(main, sum+87, "y  "+u.out, chart.Text{Anchor: chart.Middle, Bold: true})
}

// box draws a labelled box, centred on x, with its top at y.
func box(p chart.Pen, x, y, w, h float64, label string, c color.Color) {
	p.Box(x-w/2, y, w, h, chart.Tint(c, 0.12), c)
	p.Text(x, y+h/2, label, chart.Text{Anchor: chart.Middle})
}
