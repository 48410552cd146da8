package main

import (
	"fmt"
	"io"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/runner"
)

// result is what the command saves.
type result struct {
	Command     string        `json:"command"`
	Data        string        `json:"data"`
	Network     string        `json:"network"`
	Config      runner.Config `json:"config"`
	Seeds       int           `json:"seeds"`
	Images      int           `json:"images"` // tested, each once a seed
	Device      string        `json:"device"`
	Versions    []version     `json:"versions"`
	Differences []difference  `json:"differences"`
	Runs        []oneRun      `json:"runs"`
}

// version is one version of the images.
type version struct {
	Name     string  `json:"name"`
	PSNR     float64 `json:"psnr,omitempty"` // to the original pixels, in dB
	Accuracy float64 `json:"accuracy"`
}

// oneRun has the test accuracies of networks that differ in the version only.
type oneRun struct {
	Part     int       `json:"part"`
	Seed     uint64    `json:"seed"`
	Accuracy []float64 `json:"accuracy"`
}

// difference is the accuracy of A minus that of B, with a 95 % interval.
type difference struct {
	A     string  `json:"a"`
	B     string  `json:"b"`
	Mean  float64 `json:"mean"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Z     float64 `json:"z"` // Mean in standard errors
	Image float64 `json:"error_images"`
	Run   float64 `json:"error_runs"`
}

// compare returns the difference of two versions from the accuracies of their runs and from how often each image was correct, as
// a share of the seeds. There are two sorts of chance: which images there are, and how the trainings went. Each of the two
// standard errors leaves out a part of the other, so the wider interval counts.
func compare(a, b int, runs []oneRun, images [][]float64) difference {
	standardError := func(n int, value func(i int) float64) (mean, err float64) {
		values := make([]float64, n)
		for i := range values {
			values[i] = value(i)
		}
		mean, std := metrics.MeanStd(values)
		return mean, std / math.Sqrt(float64(n))
	}
	d := difference{A: names[a], B: names[b]}
	d.Mean, d.Image = standardError(len(images[a]), func(i int) float64 { return images[a][i] - images[b][i] })
	half := 1.96 * d.Image
	if len(runs) > 1 {
		_, d.Run = standardError(len(runs), func(i int) float64 { return runs[i].Accuracy[a] - runs[i].Accuracy[b] })
		t := distuv.StudentsT{Sigma: 1, Nu: float64(len(runs) - 1)}
		half = max(half, t.Quantile(0.975)*d.Run)
	}
	d.Low, d.High, d.Z = d.Mean-half, d.Mean+half, d.Mean/max(d.Image, d.Run, math.SmallestNonzeroFloat64)
	return d
}

func (r *result) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %d seeds: %s\n", r.Data, r.Seeds, r.Network)
	for _, v := range r.Versions {
		fmt.Fprintf(out, "%-12s accuracy %.4f", v.Name, v.Accuracy)
		if v.PSNR > 0 {
			fmt.Fprintf(out, ", PSNR %.2f dB", v.PSNR)
		}
		fmt.Fprintln(out)
	}
	for _, d := range r.Differences {
		fmt.Fprintf(out, "%s minus %s: %+.2f points, 95%% interval %+.2f to %+.2f, z = %+.1f\n",
			d.A, d.B, 100*d.Mean, 100*d.Low, 100*d.High, d.Z)
	}
}
