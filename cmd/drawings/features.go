package main

import (
	"errors"
	"fmt"
	"image"
	"math"

	"golang.org/x/image/draw"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/resnet"
)

const (
	featureImages = 1000 // test images whose features the principal components are computed from
	mapSize       = 488  // CSS pixels
	thumb         = 22   // CSS pixels of a picture; pictures that would overlap are left out
)

// features draws a map of test pictures: the 512 features of the trained network, projected to the two directions in which
// they vary most.
func features(l *lab.Lab, lang language) (*chart.Figure, error) {
	r, err := l.Trained("library", resnet.Library(), "notebook 03-train")
	if err != nil {
		return nil, err
	}
	d, err := cifar.Open(l.Source, cifar.Test)
	if err != nil {
		return nil, err
	}
	d = d.Take(featureImages)
	rows, err := l.Network(resnet.Library(), r).Features(d.Pixels)
	if err != nil {
		return nil, err
	}
	points, share, err := project(rows)
	if err != nil {
		return nil, err
	}
	predictions, err := lab.Predict(r, d)
	if err != nil {
		return nil, err
	}
	right, shown := metrics.CountCorrect(predictions), spread(points)
	title := lang.in("What looks alike to the network", "网络认为相似的图像")
	return chart.Sketch{
		Title: title, Alt: title + describeMap(lang, len(shown), share, d.Len()),
		Width: mapSize + 32, Height: mapSize + 104,
		Paint: func(p chart.Pen) {
			paintMap(p, d, points, shown, lang)
			caption := fmt.Sprintf(lang.in("2 of 512 directions, %.0f%% of the variance. The network is right on %d of %d pictures.", "512个方向中的2个，占方差的%.0f%%。%[3]d张图像中网络答对%[2]d张。"),
				100*share, right, d.Len())
			p.Text(16, 44+mapSize+42, caption, chart.Text{Color: chart.Muted})
		},
	}.Figure(), nil
}

// describeMap is the map in words: shown of all pictures are on it, and its two directions have a share of the variance.
func describeMap(lang language, shown int, share float64, all int) string {
	return fmt.Sprintf(lang.in(": a map of %d test pictures by the first two principal components of their 512 features, which have %.0f%% of the variance of %d pictures; animals have an orange frame, vehicles a blue one.",
		"：%d张测试图像，按512个特征的前两个主成分排列，这两个主成分占%[3]d张图像总方差的%.0[2]f%%；动物的边框为橙色，交通工具为蓝色。"), shown, 100*share, all)
}

// project returns the two first principal components of the rows, each scaled to 0 to 1, and their share of the variance.
func project(rows [][]float32) (points [][2]float64, share float64, err error) {
	x := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, row := range rows {
		for j, v := range row {
			x.Set(i, j, float64(v))
		}
	}
	var pc stat.PC
	if !pc.PrincipalComponents(x, nil) {
		return nil, 0, errors.New("the principal components of the features cannot be computed")
	}
	variances := pc.VarsTo(nil)
	total := 0.0
	for _, v := range variances {
		total += v
	}
	var vectors, projected mat.Dense
	pc.VectorsTo(&vectors)
	projected.Mul(x, vectors.Slice(0, len(rows[0]), 0, 2))
	points = make([][2]float64, len(rows))
	for axis := range 2 {
		column := mat.Col(nil, axis, &projected)
		lo, hi := mat.Min(mat.NewVecDense(len(column), column)), mat.Max(mat.NewVecDense(len(column), column))
		for i, v := range column {
			points[i][axis] = (v - lo) / (hi - lo)
		}
	}
	return points, (variances[0] + variances[1]) / total, nil
}

// position returns the top left corner of a picture on the map.
func position(point [2]float64) (x, y float64) {
	return 16 + point[0]*(mapSize-thumb), 44 + point[1]*(mapSize-thumb)
}

// spread picks pictures, in their order, that do not overlap one picked before.
func spread(points [][2]float64) (shown []int) {
	for i, point := range points {
		x, y := position(point)
		free := true
		for _, j := range shown {
			ox, oy := position(points[j])
			free = free && max(math.Abs(x-ox), math.Abs(y-oy)) >= thumb+2
		}
		if free {
			shown = append(shown, i)
		}
	}
	return shown
}

func paintMap(p chart.Pen, d *cifar.Dataset, points [][2]float64, shown []int, lang language) {
	for _, i := range shown {
		x, y := position(points[i])
		frame := chart.Blue
		if metrics.IsAnimal(int(d.Labels[i])) {
			frame = chart.Vermillion
		}
		p.Box(x, y, thumb, thumb, frame, nil)
		p.Image(shrink(d.Image(i)), x+1.5, y+1.5, thumb-3, thumb-3)
	}
	y := 44 + mapSize + 20.0
	p.Box(16, y-6, 12, 12, chart.Vermillion, nil)
	w := p.Text(34, y, lang.in("animals", "动物"), chart.Text{})
	p.Box(50+w, y-6, 12, 12, chart.Blue, nil)
	p.Text(68+w, y, lang.in("vehicles", "交通工具"), chart.Text{})
}

// shrink returns a picture with as many pixels as the map shows, which takes fewer bytes.
func shrink(img image.Image) image.Image {
	small := image.NewRGBA(image.Rect(0, 0, cifar.Width*5/8, cifar.Height*5/8))
	draw.CatmullRom.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	return small
}
