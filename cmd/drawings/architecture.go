package main

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
)

// part is a row of the drawing: some layers of the network and the feature map that leaves them.
type part struct {
	name, kind     string
	size, channels int // of the map: size×size×channels
	params         int
}

// parts groups the layers of the network: stem, pool, four stages, global average, dense layer.
func parts(s resnet.Summary, lang language) []part {
	list := []part{{name: lang.in("picture", "图像"), kind: lang.in("red, green, blue", "红、绿、蓝"), size: cifar.Height, channels: cifar.Channels}}
	for _, l := range s.Layers {
		p := part{size: 1, channels: l.Output[len(l.Output)-1]}
		if len(l.Output) == 3 {
			p.size = l.Output[0]
		}
		stage := strings.TrimPrefix(strings.SplitN(l.Name, ".", 2)[0], "layer")
		switch {
		case l.Name == "conv1":
			p.name, p.kind = "stem", lang.in("7×7 conv, stride 2", "7×7卷积，步长2")
		case l.Name == "maxpool":
			p.name, p.kind = lang.in("max pool", "最大汇聚"), lang.in("3×3, stride 2", "3×3，步长2")
		case l.Name == "avgpool":
			p.name, p.kind = lang.in("global average", "全局平均汇聚"), lang.in("512 features", "512个特征")
		case l.Name == "fc":
			p.name, p.kind = lang.in("dense layer", "全连接层"), lang.in("a logit for each class", "每类一个logit")
		default:
			p.name, p.kind = lang.in("stage "+stage, "阶段"+stage), lang.in("2 residual units", "2个残差单元")
		}
		if last := &list[len(list)-1]; last.name == p.name { // a later layer of the same stage
			p.params = last.params
			list = list[:len(list)-1]
		}
		p.params += l.Params
		list = append(list, p)
	}
	return list
}

// architecture draws the network from the picture to the logits: how the maps shrink and the channels grow.
func architecture(l *lab.Lab, lang language) (*chart.Figure, error) {
	d, err := cifar.Open(l.Source, cifar.Train)
	if err != nil {
		return nil, err
	}
	rows := parts(resnet.Custom(cifar.Channels, cifar.NumClasses, true).Summary(), lang)
	var sizes []string
	for _, r := range rows {
		if s := fmt.Sprint(r.size); !slices.Contains(sizes, s) {
			sizes = append(sizes, s)
		}
	}
	shrinks := strings.Join(sizes, " → ")
	height := 56.0
	for _, r := range rows {
		height += rowHeight(r)
	}
	return chart.Sketch{
		Title: lang.in("ResNet-18: the map shrinks, "+shrinks, "ResNet-18：特征图逐渐缩小，"+shrinks),
		Alt:   describe(rows, lang),
		Width: 520, Height: height,
		Paint: func(p chart.Pen) { paintArchitecture(p, rows, d.Image(0), lang) },
	}.Figure(), nil
}

func describe(rows []part, lang language) string {
	var texts []string
	for _, r := range rows {
		texts = append(texts, fmt.Sprintf("%s %d×%d×%d", r.name, r.size, r.size, r.channels))
	}
	return lang.in("The feature map after each part of the network: ", "网络各部分输出的特征图：") + strings.Join(texts, lang.in(", ", "，")) + lang.in(".", "。")
}

const pixel = 3 // CSS pixels of a place of a map

// depth returns how long a block of the given channels is drawn.
func depth(channels int) float64 { return float64(channels) / 4 }

// rowHeight leaves room for the block, its slant and the arrow to the next one.
func rowHeight(r part) float64 {
	return max(float64(r.size)*pixel+0.3*depth(r.channels), 24) + 30
}

// paintArchitecture draws one row for each part: a block as wide and high as the map and as long as its channels.
func paintArchitecture(p chart.Pen, rows []part, picture image.Image, lang language) {
	const middle, textX = 110.0, 262.0
	y := 48.0
	for i, r := range rows {
		h := rowHeight(r) - 30
		side, long := float64(r.size)*pixel, depth(r.channels)
		x, top := middle-side/2, y+h-side
		switch i {
		case 0:
			p.Image(picture, x, top, side, side)
		case len(rows) - 1:
			for n := range r.channels { // a logit each
				p.Box(middle+11*(float64(n)-float64(r.channels)/2), y+h-16, 8, 16, chart.Vermillion, nil)
			}
		default:
			block(p, x, top, side, long)
		}
		p.Text(textX, y+h/2-9, r.name, chart.Text{Bold: true})
		shape := fmt.Sprintf("%d×%d×%d", r.size, r.size, r.channels)
		p.Text(504, y+h/2-9, shape, chart.Text{Anchor: chart.End})
		p.Text(textX, y+h/2+9, r.kind, chart.Text{Color: chart.Muted})
		if r.params > 0 {
			p.Text(504, y+h/2+9, lang.in(chart.Count(r.params)+" parameters", chart.Count(r.params)+"个参数"), chart.Text{Color: chart.Muted, Anchor: chart.End})
		}
		if i < len(rows)-1 {
			p.Arrow(chart.Muted, 1.5, middle, y+h+6, middle, y+h+22)
		}
		y += h + 30
	}
}

// block draws a box in oblique projection, its front side at x, y.
func block(p chart.Pen, x, y, side, long float64) {
	c := chart.Blue
	dx, dy := 0.9*long, -0.3*long
	edge := chart.Tint(c, 0.9)
	p.Polygon(chart.Tint(c, 0.3), edge, x, y, x+dx, y+dy, x+side+dx, y+dy, x+side, y)
	p.Polygon(chart.Tint(c, 0.5), edge, x+side, y, x+side+dx, y+dy, x+side+dx, y+side+dy, x+side, y+side)
	p.Box(x, y, side, side, chart.Tint(c, 0.7), edge)
}
