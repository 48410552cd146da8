// Plots draws bench/growth.json, the result of bench/growth.py, as bench/growth-*.svg, and bench/class.json, the result of
// bench/cells.py --students, as bench/class.svg. Run it from the module's root:
//
//	go run ./bench/plots
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"os"

	"gonum.org/v1/gonum/stat"

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

// class is the wait of students who run all cells of a notebook at once.
type class struct {
	Cores  int    `json:"cores"`
	Points []wait `json:"points"`
}

// wait is one measurement with a number of students at once: seconds of a cell.
type wait struct {
	Students float64 `json:"students"`
	Median   float64 `json:"median"`
	Slowest  float64 `json:"slowest"`
}

func main() {
	if err := errors.Join(drawGrowth(), drawClass()); err != nil {
		fmt.Fprintln(os.Stderr, "plots:", err)
		os.Exit(1)
	}
}

// read reads a JSON file that the given command makes.
func read(path, command string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w; create it with %q", err, command)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func drawGrowth() error {
	var g growth
	if err := read("bench/growth.json", "make bench-growth", &g); err != nil {
		return err
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

// wholeClass is the number of students up to which the plot continues the measurements.
const wholeClass = 30

// drawClass draws the wait by number of students. Once each core has a student, the wait grows along a line, which is continued to
// wholeClass (dashed).
func drawClass() error {
	var c class
	if err := read("bench/class.json", "make bench-class", &c); err != nil {
		return err
	}
	var series []chart.Series
	for _, s := range []struct {
		name  string
		color color.Color
		value func(wait) float64
	}{
		{"median", chart.Blue, func(w wait) float64 { return w.Median }},
		{"slowest", chart.Vermillion, func(w wait) float64 { return w.Slowest }},
	} {
		measured := chart.Series{Name: s.name, Points: true, Color: s.color}
		var x, y []float64
		for _, p := range c.Points {
			measured.X, measured.Y = append(measured.X, p.Students), append(measured.Y, s.value(p))
			if p.Students >= float64(c.Cores) {
				x, y = append(x, p.Students), append(y, s.value(p))
			}
		}
		if len(x) < 2 {
			return fmt.Errorf("bench/class.json: got %d measurements with a student for each of %d cores, want at least two", len(x), c.Cores)
		}
		intercept, slope := stat.LinearRegression(x, y, nil, false)
		at := func(students float64) float64 { return intercept + slope*students }
		fmt.Printf("a cell, %s: %.2f s more for each student, %.0f s for %d\n", s.name, slope, at(wholeClass), wholeClass)
		last := x[len(x)-1]
		series = append(series, measured, chart.Series{Name: s.name + ", continued", Dashed: true, Color: s.color,
			X: []float64{last, wholeClass}, Y: []float64{at(last), at(wholeClass)}})
	}
	axes := chart.Axes{Title: fmt.Sprintf("wait for a cell on %d cores", c.Cores), XLabel: "students at once", YLabel: "seconds", XMin: new(0.0), YMin: new(0.0)}
	fig, err := chart.Curves(axes, series...)
	if err != nil {
		return err
	}
	return fig.Save("bench/class.svg")
}
