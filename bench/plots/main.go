// Plots draws bench/growth.json, the result of bench/growth.py, as bench/growth-*.svg. Run it from the module's root:
//
//	go run ./bench/plots
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"nndl.example/resnet18/pkg/chart"
)

// point is one measurement: the batch size or the number of images, and the median time of a step or an epoch.
type point struct {
	Side    string  `json:"side"`
	Threads int     `json:"threads"`
	X       float64 `json:"x"`
	Seconds float64 `json:"seconds"`
	PeakMB  float64 `json:"peak_mb"`
}

type growth struct {
	Batch  []point `json:"batch"`
	Images []point `json:"images"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "plots:", err)
		os.Exit(1)
	}
}

func run() error {
	text, err := os.ReadFile("bench/growth.json")
	if err != nil {
		return fmt.Errorf("%w; create it with \"make bench-growth\"", err)
	}
	var g growth
	if err := json.Unmarshal(text, &g); err != nil {
		return fmt.Errorf("bench/growth.json: %w", err)
	}
	seconds := func(p point) float64 { return p.Seconds }
	image := func(p point) float64 { return 1000 * p.Seconds / p.X }
	memory := func(p point) float64 { return p.PeakMB }
	for _, f := range []struct {
		file, title, x, y string
		points            []point
		value             func(point) float64
		log               bool
	}{
		{"batch", "a training step", "images in a batch", "seconds", g.Batch, seconds, false},
		{"batch-image", "a training step, by image", "images in a batch", "milliseconds an image", g.Batch, image, true},
		{"memory", "memory at its peak", "images in a batch", "MB", g.Batch, memory, false},
		{"images", "an epoch with evaluation of 10,000 images", "images in an epoch", "seconds", g.Images, seconds, false},
	} {
		axes := chart.Axes{Title: f.title, XLabel: f.x, YLabel: f.y, LogY: f.log}
		if !f.log {
			axes.YMin = new(0.0)
		}
		fig, err := chart.Curves(axes, lines(f.points, f.value)...)
		if err != nil {
			return err
		}
		if err := fig.Save("bench/growth-" + f.file + ".svg"); err != nil {
			return err
		}
	}
	return nil
}

// lines returns a series for each side and number of threads, in the order of the points.
func lines(points []point, value func(point) float64) []chart.Series {
	var series []chart.Series
	at := map[string]int{}
	for _, p := range points {
		name := fmt.Sprintf("%s, %d threads", p.Side, p.Threads)
		if p.Threads == 1 {
			name = p.Side + ", 1 thread"
		}
		i, ok := at[name]
		if !ok {
			i = len(series)
			at[name] = i
			series = append(series, chart.Series{Name: name, Points: true, Dashed: p.Threads == 1})
		}
		series[i].X, series[i].Y = append(series[i].X, p.X), append(series[i].Y, value(p))
	}
	return series
}
