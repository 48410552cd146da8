package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"nndl.example/resnet18/data"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/picture"
)

// names are those of the versions: the original pixels, the copy as package cifar decodes it, and the copy as other programs
// do, with interpolated colours.
var names = []string{"original", "copy", "smooth"}

// official returns the 60,000 images of the archive that CIFAR10_PATH names.
func official(ctx context.Context) (*cifar.Dataset, error) {
	if os.Getenv(cifar.PathVariable) == "" {
		return nil, fmt.Errorf("no original pixels: set %s to the official archive, or give a file of records", cifar.PathVariable)
	}
	return find(ctx, "")
}

// find returns all images of the source that package cifar finds: those for training, then those for testing.
func find(ctx context.Context, dir string) (*cifar.Dataset, error) {
	src, err := cifar.Find(ctx, cifar.FindOptions{Dir: dir})
	if err != nil {
		return nil, err
	}
	all := &cifar.Dataset{Split: cifar.Train}
	for _, split := range []cifar.Split{cifar.Train, cifar.Dev, cifar.Test} {
		d, err := cifar.Open(src, split)
		if err != nil {
			return nil, err
		}
		all = all.Joined(d)
	}
	return all, nil
}

// readRecords reads images in the layout of data_batch_1.bin.
func readRecords(path string) (*cifar.Dataset, error) {
	const plane, record = cifar.Height * cifar.Width, 1 + cifar.ImageSize
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := len(content) / record
	if n < folds || len(content)%record != 0 {
		return nil, fmt.Errorf("%s has %d bytes, want at least %d records of %d", path, len(content), folds, record)
	}
	d := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize), Labels: make([]uint16, n)}
	for i := range n {
		r := content[i*record:][:record]
		d.Labels[i] = uint16(r[0])
		for p := range plane {
			for c := range cifar.Channels {
				d.Pixels[i*cifar.ImageSize+p*cifar.Channels+c] = r[1+c*plane+p]
			}
		}
	}
	return d, nil
}

// versionsOf returns the first images of CIFAR-10 with the given pixels, with the copy's and, if asked, with the smooth copy's.
func versionsOf(ctx context.Context, originals *cifar.Dataset, smooth bool) ([]*cifar.Dataset, error) {
	copied, err := embedded(ctx)
	if err != nil {
		return nil, err
	}
	n := originals.Len()
	if n > copied.Len() || !slices.Equal(originals.Labels, copied.Labels[:n]) {
		return nil, errors.New("the labels are not those of the first images of CIFAR-10 in the published order")
	}
	sets := []*cifar.Dataset{originals, copied.Take(n)}
	if bytes.Equal(originals.Pixels, sets[1].Pixels) {
		return nil, errors.New("the pixels are those of the JPEG copy, want the originals, of the official archive for example")
	}
	if smooth {
		smoothed, err := interpolated(sets[1])
		if err != nil {
			return nil, err
		}
		sets = append(sets, smoothed)
	}
	return sets, nil
}

// embedded returns the copy's 60,000 images as package cifar decodes them.
func embedded(ctx context.Context) (*cifar.Dataset, error) {
	dir, err := os.MkdirTemp("", "jpegcost-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if given, set := os.LookupEnv(cifar.PathVariable); set { // without it, and in an empty folder, Find has the copy only
		os.Unsetenv(cifar.PathVariable)
		defer os.Setenv(cifar.PathVariable, given)
	}
	return find(ctx, dir)
}

// interpolated returns the copy's images as package picture decodes photos.
func interpolated(copied *cifar.Dataset) (*cifar.Dataset, error) {
	archive, err := data.JPEGArchive()
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	d := &cifar.Dataset{Split: copied.Split, Labels: copied.Labels}
	for t := tar.NewReader(z); len(d.Pixels) < len(copied.Pixels); {
		if _, err := t.Next(); err != nil {
			return nil, err
		}
		content, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		pixels, _, err := picture.Decode(content)
		if err != nil {
			return nil, err
		}
		d.Pixels = append(d.Pixels, pixels...)
	}
	return d, nil
}

// psnrs returns each version's peak signal-to-noise ratio to the originals, in dB: the mean over the images, 0 for the originals.
func psnrs(sets []*cifar.Dataset) []float64 {
	mean := make([]float64, len(sets))
	for v, set := range sets[1:] {
		for i := range set.Len() {
			sum := 0.0
			for p := i * cifar.ImageSize; p < (i+1)*cifar.ImageSize; p++ {
				d := float64(set.Pixels[p]) - float64(sets[0].Pixels[p])
				sum += d * d
			}
			mse := max(sum, 1) / cifar.ImageSize // an equal image counts like one that differs by 1 in one value
			mean[1+v] += 10 * math.Log10(255*255/mse) / float64(set.Len())
		}
	}
	return mean
}

// between returns images low to high-1.
func between(d *cifar.Dataset, low, high int) *cifar.Dataset {
	return &cifar.Dataset{Split: d.Split, Pixels: d.Pixels[low*cifar.ImageSize : high*cifar.ImageSize], Labels: d.Labels[low:high]}
}
