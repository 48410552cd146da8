//go:build !race

package cifar

// These tests move hundreds of megabytes. Under the race detector they would take minutes; the small tests run the same
// concurrent code.

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"image"
	"io"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden rebuilds the python archive from the embedded copy and extracts it, once for all tests.
var golden = sync.OnceValues(func() (Source, error) {
	return Find(context.Background(), FindOptions{Dir: goldenDir})
})

// TestGolden looks at all 60,000 images of the embedded copy.
func TestGolden(t *testing.T) {
	if testing.Short() {
		t.Skip("rebuilds all of CIFAR-10, twice")
	}
	t.Parallel()
	s, err := golden()
	require.NoError(t, err)
	binary, err := Find(t.Context(), FindOptions{Dir: goldenDir, Layout: Binary})
	require.NoError(t, err)
	folder, _, err := Extract(s.Path, goldenDir)
	require.NoError(t, err)
	binaryFolder, _, err := Extract(binary.Path, goldenDir)
	require.NoError(t, err)
	for _, want := range []struct {
		split       Split
		counts      []int
		labels      []uint16 // of images 0 to 4
		pixel       [3]uint8 // row 16, column 16 of image 1
		fingerprint string
		mean, std   [3]float64
	}{
		{Train, []int{3986, 3986, 4048, 3984, 4003, 3975, 4020, 4023, 3997, 3978}, []uint16{6, 9, 9, 4, 1},
			[3]uint8{210, 222, 230}, "892fa04118f57020", [3]float64{0.4912, 0.4819, 0.4461}, [3]float64{0.2466, 0.2440, 0.2620}},
		{Dev, []int{1014, 1014, 952, 1016, 997, 1025, 980, 977, 1003, 1022}, []uint16{1, 8, 5, 1, 5},
			[3]uint8{219, 225, 209}, "72e11336809f1f24", [3]float64{0.4910, 0.4824, 0.4477}, [3]float64{0.2460, 0.2429, 0.2614}},
		{Test, []int{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}, []uint16{3, 8, 8, 0, 6},
			[3]uint8{155, 155, 163}, "3fcc184cb3293ec7", [3]float64{0.4940, 0.4850, 0.4503}, [3]float64{0.2461, 0.2432, 0.2618}},
	} {
		d, err := Load(folder, want.split)
		require.NoError(t, err)
		require.Equal(t, embeddedOrigin, d.Origin)
		require.Equal(t, want.counts, d.ClassCounts())
		require.Equal(t, want.labels, d.Labels[:5])
		require.Equal(t, want.pixel[:], d.Pixels[ImageSize+(16*Width+16)*Channels:][:3])
		require.Equal(t, want.fingerprint, d.Fingerprint())
		mean, std := d.ChannelStats()
		require.InDeltaSlice(t, want.mean[:], mean[:], 5e-5)
		require.InDeltaSlice(t, want.std[:], std[:], 5e-5)

		other, err := Load(binaryFolder, want.split)
		require.NoError(t, err)
		require.Equal(t, want.fingerprint, other.Fingerprint())
	}

	b, err := LoadBatch(folder, 1, Train) // image 1 is the truck that the chapter shows
	require.NoError(t, err)
	require.Equal(t, 10000, b.N)
	require.EqualValues(t, 9, b.Labels[1])
	d, err := Open(s, Train)
	require.NoError(t, err)
	require.Equal(t, image.Image(d.Image(1)), b.Image(1))
}

// BenchmarkFind measures Find when the rebuilt archive is there, as in every cell of a notebook.
func BenchmarkFind(b *testing.B) {
	_, err := golden()
	require.NoError(b, err)
	for b.Loop() {
		_, err := Find(b.Context(), FindOptions{Dir: goldenDir})
		require.NoError(b, err)
	}
}

func ExampleExtract() {
	src, err := golden() // Find(ctx, FindOptions{Dir: goldenDir})
	if err != nil {
		fmt.Println(err)
		return
	}
	folder, members, err := Extract(src.Path, goldenDir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range members {
		fmt.Println(m.Name)
	}
	fmt.Println(filepath.Base(folder), "is ready")
	// Output:
	// cifar-10-batches-py/
	// cifar-10-batches-py/data_batch_4
	// cifar-10-batches-py/readme.html
	// cifar-10-batches-py/test_batch
	// cifar-10-batches-py/data_batch_3
	// cifar-10-batches-py/batches.meta
	// cifar-10-batches-py/data_batch_2
	// cifar-10-batches-py/data_batch_5
	// cifar-10-batches-py/data_batch_1
	// cifar-10-batches-py is ready
}

// zeros is an endless reader of zeros.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func init() {
	badArchives = append(badArchives, []badArchive{
		{"bomb of tar headers", func(t testing.TB) []byte {
			// Long-name records follow each other without end; a tar reader takes them as one member.
			long := append(header(t, tar.Header{Name: "x", Typeflag: tar.TypeReg, Size: 1 << 19, Mode: 0o644}), make([]byte, 1<<19)...)
			long[156] = tar.TypeGNULongName
			copy(long[148:156], "        ")
			sum := 0
			for _, c := range long[:512] {
				sum += int(c)
			}
			copy(long[148:156], fmt.Sprintf("%06o\x00 ", sum))
			return bytes.Repeat(gzipped(long), 400) // gzip files may follow each other
		}, []string{"after 0 members: more than 1048576 bytes of headers for the next"}},
		{"batch of zeros", func(t testing.TB) []byte {
			var b bytes.Buffer
			z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
			z.Write(header(t, tar.Header{Name: "cifar-10-batches-py/data_batch_1", Typeflag: tar.TypeReg, Size: 60 << 20}))
			io.CopyN(z, zeros{}, 60<<20)
			z.Close()
			return b.Bytes()
		}, []string{"data_batch_1", "pickle opcode 0x00 at byte 0"}},
	}...)
}
