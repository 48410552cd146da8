package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/experiments"
	"nndl.example/resnet18/pkg/runner"
)

// write writes images as readRecords reads them, with the channels moved to planes.
func write(t *testing.T, d *cifar.Dataset) string {
	var b bytes.Buffer
	for i, label := range d.Labels {
		b.WriteByte(byte(label))
		for c := range cifar.Channels {
			for p := range cifar.Height * cifar.Width {
				b.WriteByte(d.Pixels[i*cifar.ImageSize+p*cifar.Channels+c])
			}
		}
	}
	path := filepath.Join(t.TempDir(), "originals.bin")
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	return path
}

func TestVersions(t *testing.T) {
	ctx := context.Background()
	t.Setenv(cifar.PathVariable, "no such archive") // versionsOf does not read what the variable names
	copied, err := embedded(ctx)
	require.NoError(t, err)
	require.Equal(t, 60000, copied.Len())
	require.Equal(t, "no such archive", os.Getenv(cifar.PathVariable))

	const n = 40
	originals := between(copied, 0, n)
	originals.Pixels = bytes.Clone(originals.Pixels)
	for i, v := range originals.Pixels { // every value differs by 1 or 2, half of them by each
		by := byte(1 + i%2)
		if v > 127 {
			originals.Pixels[i] = v - by
		} else {
			originals.Pixels[i] = v + by
		}
	}
	read, err := readRecords(write(t, originals))
	require.NoError(t, err)
	require.Equal(t, originals.Pixels, read.Pixels)
	require.Equal(t, originals.Labels, read.Labels)

	sets, err := versionsOf(ctx, read, true)
	require.NoError(t, err)
	psnr := psnrs(sets)
	require.Zero(t, psnr[0])
	require.InDelta(t, 10*math.Log10(255*255/2.5), psnr[1], 1e-9, "mean of the squares 1 and 4")
	// Interpolation changes colours by more than that, and leaves the brightness: a fraction of the distance to other images.
	require.Greater(t, psnr[2], 25.0)
	require.Less(t, psnr[2], psnr[1]-1)

	read.Labels[7] = (read.Labels[7] + 1) % 10
	_, err = versionsOf(ctx, read, false)
	require.ErrorContains(t, err, "published order")
	_, err = versionsOf(ctx, between(copied, 0, n), false)
	require.ErrorContains(t, err, "the pixels are those of the JPEG copy")

	_, err = readRecords(filepath.Join(t.TempDir(), "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	short := filepath.Join(t.TempDir(), "short.bin")
	require.NoError(t, os.WriteFile(short, make([]byte, 3072), 0o600))
	_, err = readRecords(short)
	require.ErrorContains(t, err, "3072 bytes")
	t.Setenv(cifar.PathVariable, "")
	_, err = official(ctx)
	require.ErrorContains(t, err, cifar.PathVariable)
}

// Each image is in one test set and in all other training sets.
func TestSplit(t *testing.T) {
	d := cifar.Dataset{Pixels: make([]uint8, 10*cifar.ImageSize), Labels: []uint16{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
	for i, label := range d.Labels {
		d.Pixels[i*cifar.ImageSize] = uint8(label)
	}
	p := split([]*cifar.Dataset{&d}, 2, 5)
	require.Equal(t, []uint16{2, 3, 4}, p.test[0].Labels)
	require.Equal(t, []uint16{0, 1, 5, 6, 7, 8, 9}, p.train[0].Labels)
	require.EqualValues(t, 8, p.train[0].Pixels[5*cifar.ImageSize])
	require.EqualValues(t, 4, p.test[0].Pixels[2*cifar.ImageSize])
}

// The difference and its errors, by hand.
func TestCompare(t *testing.T) {
	runs := []experiments.VersionsRun{{Accuracy: []float64{0.75, 0.50}}, {Accuracy: []float64{0.75, 0.25}}}
	images := [][]float64{{1, 1, 1, 0}, {1, 0.5, 0, 0}} // differences 0, 1/2, 1, 0: mean 3/8, variance 11.0/48
	d := compare(0, 1, runs, images)
	require.InDelta(t, 0.375, d.Mean, 1e-12)
	require.InDelta(t, math.Sqrt(11.0/48/4), d.ImageError, 1e-12)
	require.InDelta(t, 0.125, d.RunError, 1e-12) // of 0.25 and 0.50
	require.InDelta(t, 0.375-12.7062*0.125, d.Low, 1e-4, "Student's t with one degree of freedom: 12.7062")
	require.InDelta(t, 0.375+12.7062*0.125, d.High, 1e-4)
	require.InDelta(t, 0.375/d.ImageError, d.Z, 1e-12)

	one := compare(0, 1, runs[:1], images)
	require.InDelta(t, 0.375-1.96*d.ImageError, one.Low, 1e-12)
}

// Networks of images whose class is their brightness learn it; those of noise do not. A second call trains nothing again.
func TestMeasure(t *testing.T) {
	const n = 64
	good := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize), Labels: make([]uint16, n)}
	bad := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize), Labels: good.Labels}
	for i := range n {
		good.Labels[i] = uint16(i % 2)
		for p := range cifar.ImageSize {
			good.Pixels[i*cifar.ImageSize+p] = uint8(60 + 130*(i%2) + (7*i+p)%5)
			bad.Pixels[i*cifar.ImageSize+p] = uint8(100 + p*p%50) // all images alike: half of the answers are correct
		}
	}
	// After so few steps the running statistics of batch norm lag behind the weights.
	c := runner.Config{Epochs: 4, BatchSize: 8, LearningRate: 0.01, EvalSteps: math.MaxInt32, Recipe: runner.Recipe{PreciseNorm: 4}}
	e := &experiment{data: "test images", widths: [3]int{24, 24, 24}, config: c, seeds: 1, work: t.TempDir(), psnr: []float64{0, 30}}
	for low := range 2 {
		e.parts = append(e.parts, split([]*cifar.Dataset{good, bad}, low*n/2, (low+1)*n/2))
	}
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	var log bytes.Buffer
	r, err := e.measure(context.Background(), b, &log)
	require.NoError(t, err)
	require.Equal(t, n, r.Images)
	require.Len(t, r.Runs, 2)
	require.Len(t, r.Differences, 1)
	require.Greater(t, r.Versions[0].Accuracy, 0.9)
	require.Less(t, r.Versions[1].Accuracy, 0.75)
	require.Greater(t, r.Differences[0].Low, 0.0)
	require.InDelta(t, (r.Runs[0].Accuracy[0]+r.Runs[1].Accuracy[0])/2, r.Versions[0].Accuracy, 1e-12)

	stopped, stop := context.WithCancel(context.Background())
	stop() // a training would end with runner.ErrStopped
	again, err := e.measure(stopped, b, io.Discard)
	require.NoError(t, err)
	require.Equal(t, r, again)

	var text bytes.Buffer
	r.Print(&text)
	require.Contains(t, text.String(), "copy      accuracy 0.")
	require.Contains(t, text.String(), "original minus copy: +")

	dir := t.TempDir()
	require.NoError(t, r.Write(dir))
	read, err := experiments.ReadJPEGCost(dir)
	require.NoError(t, err)
	require.Equal(t, r, read)
	_, err = experiments.ReadJPEGCost(t.TempDir())
	require.ErrorContains(t, err, "make jpeg-cost")
}
