package chart_test

import (
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"path/filepath"

	"nndl.example/resnet18/pkg/chart"
)

func ExampleCurves() {
	fig, err := chart.Curves(
		chart.Axes{Title: "Loss", XLabel: "epoch", YMin: new(0.0)},
		chart.Series{Name: "train", Y: []float64{2.3, 1.1, 0.6, 0.3}},
		chart.Series{Name: "dev", Y: []float64{2.2, 1.3, 1.0, 1.1}, Points: true, Best: "lowest 1.0", BestAt: 2},
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fig.Alt)
	// Output: Loss, against epoch: train from 2.3 to 0.3; dev from 2.2 to 1.1, lowest 1.0.
}

func ExampleTrainingCurves() {
	fig, err := chart.TrainingCurves(chart.Training{
		TrainSteps: []int{0, 1, 2, 3}, TrainLoss: []float64{7.3, 4.1, 3.0, 2.4},
		DevSteps: []int{2, 4}, DevLoss: []float64{3.1, 2.5}, DevScore: []float64{0.11, 0.18},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fig.Alt)
	// Output: Loss, against training step: train from 7.3 to 2.4; dev from 3.1 to 2.5. Accuracy, against training step: dev from 0.11 to 0.18, best 0.1800, step 4.
}

func ExampleBars() {
	fig, err := chart.Bars(chart.Axes{Title: "Test image 2", XLabel: "probability", XMax: new(1.0)},
		[]string{"ship", "airplane", "truck"}, []float64{0.9312, 0.0511, 0.0177}, 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fig.Alt)
	// Output: Test image 2: ship 0.9312, airplane 0.0511, truck 0.0177.
}

func ExampleConfusion() {
	fig, err := chart.Confusion([][]int{{81, 19}, {7, 93}}, []string{"cat", "dog"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fig.Alt)
	// Output: Confusion matrix of 2 classes: 174 of 200 examples on the diagonal; most often cat is taken for dog (19 times, 19 % of the class).
}

func ExampleGrid() {
	red, blue := image.NewNRGBA(image.Rect(0, 0, 32, 32)), image.NewNRGBA(image.Rect(0, 0, 32, 32))
	for i := range 32 * 32 {
		red.Set(i%32, i/32, color.NRGBA{R: 200, A: 255})
		blue.Set(i%32, i/32, color.NRGBA{B: 200, A: 255})
	}
	fig, err := chart.Grid{
		Title:    "Two predictions",
		Images:   []image.Image{red, blue},
		Captions: []string{"red", "blue → red"},
	}.Figure()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fig.Alt)
	// Output: Two predictions: 2 images: red, blue → red.
}

func ExampleFigure_Save() {
	dir, err := os.MkdirTemp("", "chart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	fig, err := chart.Bars(chart.Axes{Title: "Class balance"}, []string{"cat", "dog"}, []float64{5000, 5000})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fig.Save(filepath.Join(dir, "balance.svg")))
	fmt.Println(fig.Save("balance.pdf"))
	// Output:
	// <nil>
	// chart: save balance.pdf: unsupported extension ".pdf", want .svg or .png
}

func ExampleReliability() {
	bins, err := chart.Calibration([]float64{0.95, 0.9, 0.92, 0.55}, []bool{true, false, true, true}, 10)
	if err != nil {
		log.Fatal(err)
	}
	fig, err := chart.Reliability("", bins)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(fig.Alt)
	// Output: Reliability diagram of 4 predictions: mean confidence 0.830, accuracy 0.750, expected calibration error 0.305.
}

func ExampleMovingAverage() {
	fmt.Println(chart.MovingAverage([]float64{4, 2, 4, 2, 0}, 2))
	// Output: [4 3 3 3 1]
}
