package main

import (
	"fmt"
	"strings"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
)

// kernel is a convolution's kernel: live[row][column] tells whether pictures reach that place of it.
type kernel struct {
	name string
	live [][]bool
	dead int // weights in the places that pictures do not reach
}

// kernels finds the dead places of all kernels: those whose gradient is exactly zero for a batch of pictures.
func kernels(l *lab.Lab) (list []kernel, params int, err error) {
	c := resnet.Custom(cifar.Channels, cifar.NumClasses, true)
	n, err := l.FreshNetwork(c, 1)
	if err != nil {
		return nil, 0, err
	}
	d, err := cifar.Open(l.Source, cifar.Train)
	if err != nil {
		return nil, 0, err
	}
	gradients, err := n.Gradients(d.Take(16))
	if err != nil {
		return nil, 0, err
	}
	for _, g := range gradients {
		params += len(g.Values)
		if g.IsConvKernel() {
			list = append(list, newKernel(g))
		}
	}
	return list, params, nil
}

func newKernel(g inspect.Gradient) kernel {
	k := kernel{name: g.Name}
	for _, row := range g.KernelMap() {
		k.live = append(k.live, nil)
		for _, gradient := range row {
			k.live[len(k.live)-1] = append(k.live[len(k.live)-1], gradient != 0)
			if gradient == 0 {
				k.dead += len(g.Values) / (len(row) * len(row))
			}
		}
	}
	return k
}

// padding draws the kernels of all convolutions with the places that only ever see padding.
func padding(l *lab.Lab, lang language) (*chart.Figure, error) {
	list, params, err := kernels(l)
	if err != nil {
		return nil, err
	}
	dead, byPart := 0, map[string]int{}
	for _, k := range list {
		dead += k.dead
		byPart[stageOf(k.name)] += k.dead
	}
	share := 100 * float64(dead) / float64(params)
	return chart.Sketch{
		Title: fmt.Sprintf(lang.in("%.0f%% of the weights look at padding", "%.0f%%的权重只看到填充的0"), share),
		Alt: fmt.Sprintf(lang.in("The kernels of all %d convolutions. %s of %s parameters are in places that no picture reaches: %s of them in stage 4.",
			"全部%d个卷积层的卷积核。%[3]s个参数中有%[2]s个处在任何图像都到达不了的位置，其中%[4]s个在阶段4。"),
			len(list), chart.Count(dead), chart.Count(params), chart.Count(byPart["layer4"])),
		Width: 520, Height: 452,
		Paint: func(p chart.Pen) { paintPadding(p, list, byPart, dead, params, lang) },
	}.Figure(), nil
}

// stageOf returns the stage of a variable: "layer4" of "layer4.0.conv1.weight".
func stageOf(name string) string { return strings.SplitN(name, ".", 2)[0] }

func paintPadding(p chart.Pen, list []kernel, byPart map[string]int, dead, params int, lang language) {
	sizes := map[string]int{}
	for _, l := range resnet.Library().Summary().Layers {
		sizes[stageOf(l.Name)] = l.Output[0]
	}
	y := 62.0
	for _, name := range []string{"conv1", "layer1", "layer2", "layer3", "layer4"} {
		label := "stem"
		if stage, ok := strings.CutPrefix(name, "layer"); ok {
			label = lang.in("stage "+stage, "阶段"+stage)
		}
		p.Text(16, y+15, label, chart.Text{Bold: true})
		p.Text(16, y+33, fmt.Sprintf(lang.in("%d×%[1]d map", "%d×%[1]d特征图"), sizes[name]), chart.Text{Color: chart.Muted})
		x := 112.0
		for _, k := range list {
			if stageOf(k.name) == name {
				paintKernel(p, x, y, k)
				x += 58
			}
		}
		p.Text(504, y+15, chart.Count(byPart[name]), chart.Text{Anchor: chart.End, Bold: byPart[name] > 0})
		p.Text(504, y+33, lang.in("see only 0", "个只看到0"), chart.Text{Anchor: chart.End, Color: chart.Muted})
		y += 68
	}
	p.Box(16, y+4, 12, 12, chart.Tint(chart.Blue, 0.8), chart.Blue)
	p.Text(34, y+10, lang.in("a place of the kernel that meets pixels", "卷积核中能遇到像素的位置"), chart.Text{})
	p.Box(280, y+4, 12, 12, nil, chart.Tint(chart.Muted, 0.5))
	p.Text(298, y+10, lang.in("a place that meets only padding", "只遇到填充的位置"), chart.Text{})
	p.Text(16, y+34, fmt.Sprintf(lang.in("%s of the %s parameters never get a gradient from any picture.", "%[2]s个参数中有%[1]s个从未由任何图像得到梯度。"),
		chart.Count(dead), chart.Count(params)), chart.Text{Color: chart.Muted})
}

// paintKernel draws a kernel as a square of 48 pixels; a 1×1 kernel is a smaller one in its middle.
func paintKernel(p chart.Pen, x, y float64, k kernel) {
	n := float64(len(k.live))
	cell := 48 / max(n, 3)
	offset := (48 - n*cell) / 2
	for i, row := range k.live {
		for j, live := range row {
			cx, cy := x+offset+float64(j)*cell, y+offset+float64(i)*cell
			if !live {
				p.Box(cx, cy, cell, cell, nil, chart.Tint(chart.Muted, 0.5))
			}
		}
	}
	for i, row := range k.live { // above the neighbours' outlines
		for j, live := range row {
			if live {
				p.Box(x+offset+float64(j)*cell, y+offset+float64(i)*cell, cell, cell, chart.Tint(chart.Blue, 0.8), chart.Blue)
			}
		}
	}
}
