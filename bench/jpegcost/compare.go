package main

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"nndl.example/resnet18/pkg/experiments"
	"nndl.example/resnet18/pkg/metrics"
)

// compare returns the difference of two versions from the accuracies of their runs and from how often each image is correct, as
// a share of the seeds. There are two sorts of chance: which images there are, and how the trainings went. Each of the two
// standard errors leaves out a part of the other, so the wider interval counts.
func compare(a, b int, runs []experiments.VersionsRun, images [][]float64) experiments.Difference {
	standardError := func(n int, value func(i int) float64) (mean, err float64) {
		values := make([]float64, n)
		for i := range values {
			values[i] = value(i)
		}
		mean, std := metrics.MeanStd(values)
		return mean, std / math.Sqrt(float64(n))
	}
	d := experiments.Difference{A: names[a], B: names[b]}
	d.Mean, d.ImageError = standardError(len(images[a]), func(i int) float64 { return images[a][i] - images[b][i] })
	half := 1.96 * d.ImageError
	if len(runs) > 1 {
		_, d.RunError = standardError(len(runs), func(i int) float64 { return runs[i].Accuracy[a] - runs[i].Accuracy[b] })
		t := distuv.StudentsT{Sigma: 1, Nu: float64(len(runs) - 1)}
		half = max(half, t.Quantile(0.975)*d.RunError)
	}
	d.Low, d.High, d.Z = d.Mean-half, d.Mean+half, d.Mean/max(d.ImageError, d.RunError, math.SmallestNonzeroFloat64)
	return d
}
