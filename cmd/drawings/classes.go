package main

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
)

// classes shows the first training picture of each class.
func classes(l *lab.Lab, lang language) (*chart.Figure, error) {
	d, err := cifar.Open(l.Source, cifar.Train)
	if err != nil {
		return nil, err
	}
	var pictures []image.Image
	for class := range cifar.NumClasses {
		pictures = append(pictures, d.Image(slices.Index(d.Labels, uint16(class))))
	}
	title, names := lang.in("The ten classes of CIFAR-10", "CIFAR-10的十个类别"), lang.classNames()
	fig, err := chart.Grid{Title: title, Images: pictures, Captions: names, Cols: 5, Scale: 3}.Figure()
	if err != nil {
		return nil, err
	}
	if lang == "zh" { // chart writes English
		fig.Alt = fmt.Sprintf("%s：%d张图像：%s。", title, len(pictures), strings.Join(names, "、"))
	}
	return fig, nil
}
