package exercises

import (
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
)

func TestMeanImage(t *testing.T) {
	t.Parallel()
	d := &cifar.Dataset{Split: cifar.Train, Labels: []uint16{3, 5, 3}}
	for _, v := range []int{200, 77, 240} {
		for p := range cifar.ImageSize / 3 {
			d.Pixels = append(d.Pixels, uint8(v-p%32), uint8(p/32), 0)
		}
	}
	img, err := MeanImage(d, 3)
	require.NoError(t, err)
	require.Equal(t, color.NRGBA{189, 2, 0, 255}, img.NRGBAAt(31, 2), "column 31, row 2")
	_, err = MeanImage(d, 9)
	require.ErrorContains(t, err, "class 9")
}

func TestStratifiedSplit(t *testing.T) {
	t.Parallel()
	labels := make([]uint16, 500)
	for i := range labels {
		labels[i] = uint16(i * i % 10) // squares end in 0, 1, 4, 5, 6, 9
	}
	_, _, err := StratifiedSplit(labels, 1, 1)
	require.ErrorContains(t, err, "class 2 has 0 images")
	for i := range labels {
		labels[i] = uint16(i % 7 * i % 10)
	}
	train, dev, err := StratifiedSplit(labels, 9, 1)
	require.NoError(t, err)
	var counts [10]int
	for _, i := range dev {
		counts[labels[i]]++
	}
	require.Equal(t, [10]int{9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, counts)
	all := append(slices.Clone(train), dev...)
	require.Len(t, all, 500, "no image is in both sets")
	slices.Sort(all)
	require.Len(t, slices.Compact(all), 500, "no image is missing")
	again, _, err := StratifiedSplit(labels, 9, 1)
	require.NoError(t, err)
	require.Equal(t, train, again)
}

func TestMaliciousPickle(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "cifar-10-batches-py")
	require.NoError(t, os.Mkdir(folder, 0o755))
	trace := filepath.Join(folder, "i-was-here")
	for _, name := range []string{"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch", "batches.meta"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), MaliciousPickle("touch "+trace), 0o644))
	}
	_, err := cifar.LoadBatch(folder, 1, cifar.Train)
	require.ErrorContains(t, err, "system")
	require.NoFileExists(t, trace, "the command must not run")
}
