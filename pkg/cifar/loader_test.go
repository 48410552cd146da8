package cifar

import (
	"io"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar/cifar10"
)

// numbered makes n images that differ: image i has bytes i, i+1, i+2 …
func numbered(n int) *Dataset {
	d := cifar10.New(Train, n)
	for i := range d.Labels {
		d.Labels[i] = uint16(i % NumClasses)
		for p := range ImageSize {
			d.Pixels[i*ImageSize+p] = uint8(i + p)
		}
	}
	return d
}

func newLoader(t *testing.T, d *Dataset, batchSize int, seed uint64) *Loader {
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	l, err := NewLoader(b, d, batchSize, seed)
	require.NoError(t, err)
	t.Cleanup(l.Finalize)
	return l
}

// read compares the images and labels of a pass with the data, and returns the indices and the sizes of its batches.
func read(t *testing.T, d *Dataset, batches func(func(train.Batch, error) bool)) (indices, sizes []int) {
	t.Helper()
	for batch, err := range batches {
		require.NoError(t, err)
		images, labels := batch.Inputs[0], batch.Labels[0]
		n := images.Shape().Dim(0)
		require.NoError(t, images.Shape().CheckDims(n, Height, Width, Channels))
		require.NoError(t, labels.Shape().CheckDims(n, 1))
		pixels, err := tensors.CopyFlatData[uint8](images)
		require.NoError(t, err)
		ids, err := tensors.CopyFlatData[int32](labels)
		require.NoError(t, err)
		for k := range n {
			i := int(pixels[k*ImageSize])
			require.Equal(t, d.Pixels[i*ImageSize:][:ImageSize], pixels[k*ImageSize:][:ImageSize])
			require.Equal(t, int32(d.Labels[i]), ids[k])
			indices = append(indices, i)
		}
		sizes = append(sizes, n)
	}
	return indices, sizes
}

func TestLoader(t *testing.T) {
	t.Parallel()
	d := numbered(23)
	l := newLoader(t, d, 5, 1)
	require.Equal(t, 5, l.Steps())

	inOrder, sizes := read(t, d, l.Iter())
	require.Equal(t, []int{5, 5, 5, 5, 3}, sizes, "the last batch is smaller")
	require.True(t, slices.IsSorted(inOrder))

	var epochs [][]int
	for epoch := range 3 {
		indices, sizes := read(t, d, l.Epoch(epoch, 0))
		require.Equal(t, []int{5, 5, 5, 5, 3}, sizes)
		sorted := slices.Sorted(slices.Values(indices))
		require.Equal(t, inOrder, sorted, "every image once")
		for from := range 6 {
			rest, _ := read(t, d, l.Epoch(epoch, from))
			require.Equal(t, indices[min(23, 5*from):], append([]int{}, rest...), "from batch %d", from)
		}
		epochs = append(epochs, indices)
	}
	require.NotEqual(t, inOrder, epochs[0])
	require.NotEqual(t, epochs[0], epochs[1])
	require.NotEqual(t, epochs[1], epochs[2])

	again, _ := read(t, d, newLoader(t, d, 5, 1).Epoch(2, 0))
	require.Equal(t, epochs[2], again)
	other, _ := read(t, d, newLoader(t, d, 5, 2).Epoch(2, 0))
	require.NotEqual(t, epochs[2], other)
	another, _ := read(t, d, newLoader(t, d, 8, 1).Epoch(2, 0))
	require.Equal(t, epochs[2], another, "the order does not depend on the batch size")
}

// The order must not change between versions: checkpoints store only the step, and a resumed run relies on the order.
func TestOrderIsStable(t *testing.T) {
	t.Parallel()
	d := numbered(10)
	first, _ := read(t, d, newLoader(t, d, 4, 100).Epoch(0, 0))
	third, _ := read(t, d, newLoader(t, d, 4, 100).Epoch(2, 0))
	require.Equal(t, []int{2, 1, 8, 3, 4, 6, 9, 7, 0, 5}, first)
	require.Equal(t, []int{4, 3, 2, 6, 1, 5, 7, 0, 9, 8}, third)
}

// An interrupted pass leaves the loader usable.
func TestLoaderBreak(t *testing.T) {
	t.Parallel()
	d := numbered(9)
	l := newLoader(t, d, 4, 1)
	for range l.Epoch(0, 0) {
		break
	}
	indices, _ := read(t, d, l.Epoch(0, 0))
	require.Len(t, indices, 9)
}

func TestLoaderErrors(t *testing.T) {
	t.Parallel()
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	_, err = NewLoader(b, numbered(3), 0, 1)
	require.EqualError(t, err, "cifar: batch size 0, 3 images: want at least 1 of each")
	_, err = NewLoader(b, &Dataset{Split: Train}, 2, 1)
	require.ErrorContains(t, err, ", 0 images")
	_, err = NewLoader(b, &Dataset{Split: Train, Labels: make([]uint16, 2), Pixels: make([]uint8, 7)}, 2, 1)
	require.EqualError(t, err, "cifar: train has 2 labels and 7 bytes of pixels, want 3072 for each label")
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	out := graph.MustExecOnce(b, Normalize, [][][][]uint8{{{{0, 0, 0}, {255, 255, 255}, {1, 128, 200}}}})
	require.NoError(t, out.Shape().CheckDims(1, 1, 3, 3))
	got, err := tensors.CopyFlatData[float32](out)
	require.NoError(t, err)
	var want []float32
	for i, v := range []float64{0, 0, 0, 255, 255, 255, 1, 128, 200} {
		want = append(want, float32((v/255-float64(Mean[i%3]))/float64(Std[i%3])))
	}
	require.InDeltaSlice(t, want, got, 1e-6)
	require.InDelta(t, -2.429066, got[0], 1e-5, "(0 - 0.4914) / 0.2023")
}

// BenchmarkLoader measures the cost of the data pipeline per training step: a batch of 64 of 40,000 images, gathered on the device.
func BenchmarkLoader(b *testing.B) {
	device, err := backend.Default()
	require.NoError(b, err)
	l, err := NewLoader(device, numbered(40000), 64, 1)
	require.NoError(b, err)
	defer l.Finalize()
	for epoch := 0; b.Loop(); epoch++ {
		for batch, err := range l.Epoch(epoch, 0) {
			require.NoError(b, err)
			batch.Inputs[0].MustFinalizeAll()
			batch.Labels[0].MustFinalizeAll()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*l.Steps()), "µs/batch")
}
