package cifar

import (
	"image/color"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
)

// TestLoad reads every split of both layouts from folder and archive: the arrays are the same each time, and each pixel is
// where the format defines it.
func TestLoad(t *testing.T) {
	t.Parallel()
	ids := map[Split][]int{Train: {1, 2, 3, 4}, Dev: {5}, Test: {testBatch}}
	for split, want := range ids {
		fingerprints := map[string]bool{}
		for _, l := range layouts {
			archive := smallArchive(t, l)
			folder, _, err := small.extract(archive, t.TempDir())
			require.NoError(t, err)
			a, err := small.open(Source{Path: archive}, split)
			require.NoError(t, err)
			require.Equal(t, "archive "+archive, a.Origin)
			d, err := small.open(Source{Path: folder}, split)
			require.NoError(t, err)
			require.Equal(t, "folder "+folder, d.Origin)
			fingerprints[a.Fingerprint()] = true
			fingerprints[d.Fingerprint()] = true

			require.Equal(t, split, d.Split)
			require.Equal(t, small.batchLen*len(want), d.Len())
			for n := range d.Len() {
				im := smallImages(want[n/small.batchLen])
				i := n % small.batchLen
				require.EqualValues(t, im.labels[i], d.Labels[n])
				for _, at := range [][3]int{{0, 0, 0}, {1, 0, 1}, {2, 31, 30}, {0, 17, 4}} { // channel, row, column
					chw := im.planes[i*ImageSize+at[0]*1024+at[1]*32+at[2]]
					require.Equal(t, chw, d.Pixels[n*ImageSize+at[1]*32*3+at[2]*3+at[0]])
				}
			}
		}
		require.Len(t, fingerprints, 1)
	}
}

func TestFloatBatch(t *testing.T) {
	t.Parallel()
	for _, l := range layouts {
		folder := smallFolder(t, l)
		for _, test := range []struct {
			id, want int
			split    Split
		}{{1, 1, Train}, {4, 4, Train}, {5, 5, Dev}, {2, 2, Dev}, {0, testBatch, Test}, {3, testBatch, Test}} {
			b, err := small.floatBatch(folder, test.id, test.split)
			require.NoError(t, err)
			require.Equal(t, 2, b.N)
			im := smallImages(test.want)
			for i, v := range im.planes {
				require.Equal(t, float32(float64(v)/255), b.Images[i])
			}
			require.Equal(t, []int64{int64(im.labels[0]), int64(im.labels[1])}, b.Labels)
			want := color.NRGBA{im.planes[ImageSize+2*32+5], im.planes[ImageSize+1024+2*32+5], im.planes[ImageSize+2048+2*32+5], 255}
			require.Equal(t, want, b.Image(1).At(5, 2))
		}
		for _, id := range []int{-1, 0, 6} {
			_, err := small.floatBatch(folder, id, Train)
			require.ErrorContains(t, err, "want 1 to 5")
		}
		_, err := small.floatBatch(folder, 1, "all")
		require.ErrorContains(t, err, `unknown split "all"`)
	}
}

func TestBadFolders(t *testing.T) {
	for _, test := range []struct {
		name   string
		layout Layout
		change func(t *testing.T, folder string) error
		want   []string
	}{
		{"batch missing", Python, func(_ *testing.T, f string) error { return os.Remove(filepath.Join(f, "data_batch_4")) },
			[]string{"data_batch_4 is missing", "extract the archive again"}},
		{"class names missing", Binary, func(_ *testing.T, f string) error { return os.Remove(filepath.Join(f, "batches.meta.txt")) },
			[]string{"batches.meta.txt is missing"}},
		{"batch truncated", Binary, func(_ *testing.T, f string) error { return os.Truncate(filepath.Join(f, "data_batch_5.bin"), 99) },
			[]string{"data_batch_5.bin: corrupt data: 99 bytes, want 6146", "extract the archive again"}},
		{"batch empty", Python, func(_ *testing.T, f string) error { return os.Truncate(filepath.Join(f, "data_batch_5"), 0) },
			[]string{"data_batch_5: corrupt data: pickle is truncated"}},
		{"batch too large", Binary, func(_ *testing.T, f string) error {
			return os.Truncate(filepath.Join(f, "data_batch_5.bin"), maxBatchFile+1)
		}, []string{"67108865 bytes, want at most 67108864"}},
		{"batch is a folder", Binary, func(_ *testing.T, f string) error {
			os.Remove(filepath.Join(f, "data_batch_5.bin"))
			return os.Mkdir(filepath.Join(f, "data_batch_5.bin"), 0o755)
		}, []string{"data_batch_5.bin is a directory: not a regular file"}},
		{"binary label", Binary, func(t *testing.T, f string) error {
			b := smallFile(Binary, "data_batch_5.bin")
			b[recordSize] = 10
			return os.WriteFile(filepath.Join(f, "data_batch_5.bin"), b, 0o644)
		}, []string{"data_batch_5.bin: corrupt data: image 1 has label 10, want 0 to 9"}},
		{"binary batch a byte too long", Binary, func(t *testing.T, f string) error {
			return os.WriteFile(filepath.Join(f, "data_batch_5.bin"), append(smallFile(Binary, "data_batch_5.bin"), 0), 0o644)
		}, []string{"data_batch_5.bin: corrupt data: 6147 bytes, want 6146 (2 records of 3073 bytes)"}},
		{"pickle in a binary batch", Binary, func(t *testing.T, f string) error {
			return os.WriteFile(filepath.Join(f, "data_batch_5.bin"), smallPickle(), 0o644)
		}, []string{"data_batch_5.bin: ", "bytes, want 6146"}},
		{"class names wrong", Binary, func(t *testing.T, f string) error {
			return os.WriteFile(filepath.Join(f, "batches.meta.txt"), []byte("a b c d e f g h i j"), 0o644)
		}, []string{"batches.meta.txt", `name of class 0 is "a", want "airplane"`}},
		{"empty folder", Python, func(_ *testing.T, f string) error {
			os.RemoveAll(f)
			return os.Mkdir(f, 0o755)
		}, []string{"data missing or incomplete", "want data_batch_1 to 5"}},
		{"no folder", Python, func(_ *testing.T, f string) error { return os.RemoveAll(f) },
			[]string{"no such file", "extract an archive first"}},
		{"CIFAR-100, python", Python, func(t *testing.T, f string) error {
			os.RemoveAll(f)
			os.Mkdir(f, 0o755)
			write(t, filepath.Join(f, "meta"), nil)
			write(t, filepath.Join(f, "train"), nil)
			return nil
		}, []string{"not CIFAR-10 but CIFAR-100"}},
		{"CIFAR-100, binary", Python, func(t *testing.T, f string) error {
			os.RemoveAll(f)
			os.Mkdir(f, 0o755)
			write(t, filepath.Join(f, "fine_label_names.txt"), nil)
			return nil
		}, []string{"not CIFAR-10 but CIFAR-100"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := smallFolder(t, test.layout)
			require.NoError(t, test.change(t, folder))
			badinput.Refused(t, "folder", func() error {
				_, err := small.load(folder, Dev)
				return err
			}, append(test.want, "cifar: ", folder)...)
			if test.name != "class names wrong" { // LoadBatch reads one file, as the chapter does
				_, err := small.floatBatch(folder, 5, Dev)
				require.ErrorContains(t, err, test.want[0])
			}
		})
	}

	folder := smallFolder(t, Python)
	_, err := small.load(folder, "val")
	require.ErrorContains(t, err, `unknown split "val", want "train", "dev" or "test"`)
	_, err = small.loadArchive(smallArchive(t, Python), "")
	require.ErrorContains(t, err, `unknown split ""`)
	_, err = small.open(Source{Path: filepath.Join(folder, "none")}, Train)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Load(folder, Train)
	require.ErrorContains(t, err, "2 labels, want 10000")
}

func TestDataset(t *testing.T) {
	t.Parallel()
	d := &Dataset{Split: Train, Labels: []uint16{1, 9, 1}, Pixels: make([]uint8, 3*ImageSize), Origin: "a test"}
	for i := range d.Pixels {
		d.Pixels[i] = []uint8{0, 51, 255}[i%3] // red, green, blue
	}
	for i := range ImageSize { // the third image has only red
		d.Pixels[2*ImageSize+i] = []uint8{255, 51, 0}[i%3]
	}
	require.Equal(t, []int{0, 2, 0, 0, 0, 0, 0, 0, 0, 1}, d.ClassCounts())
	require.Equal(t, color.NRGBA{0, 51, 255, 255}, d.Image(1).NRGBAAt(31, 31))
	require.Equal(t, color.NRGBA{255, 51, 0, 255}, d.Image(2).NRGBAAt(0, 0))

	mean, std := d.ChannelStats()
	require.InDeltaSlice(t, []float64{1. / 3, 0.2, 2. / 3}, mean[:], 1e-12)
	require.InDeltaSlice(t, []float64{0.4714045207910317, 0, 0.4714045207910317}, std[:], 1e-12)

	for n, want := range map[int]int{-1: 3, 0: 3, 1: 1, 3: 3, 4: 3} {
		require.Equal(t, want, d.Take(n).Len())
	}
	two := d.Take(2)
	require.Equal(t, Dataset{Split: Train, Pixels: d.Pixels[:2*ImageSize], Labels: d.Labels[:2], Origin: "a test"}, *two)

	prints := map[string]bool{d.Fingerprint(): true, two.Fingerprint(): true}
	other := *d
	other.Split = Dev
	prints[other.Fingerprint()] = true
	other = *d
	other.Labels = []uint16{1, 9, 2}
	prints[other.Fingerprint()] = true
	d.Pixels[5]++
	prints[d.Fingerprint()] = true
	require.Len(t, prints, 5)
	many := Dataset{Labels: []uint16{1}, Pixels: d.Pixels[:ImageSize], Classes: make([]string, 300)}
	low := many.Fingerprint()
	many.Labels = []uint16{257}
	require.NotEqual(t, low, many.Fingerprint())
	require.Len(t, d.Fingerprint(), 16)
}

// A batch file that is another one under a wrong name would let training see the test set.
func TestCopiedBatches(t *testing.T) {
	t.Parallel()
	for l, want := range map[Layout]string{
		Binary: "test_batch.bin: corrupt data: it is a copy of data_batch_1.bin; move the folder away",
		Python: "test_batch: corrupt data: it is a copy of data_batch_1; move the folder away",
	} {
		folder := smallFolder(t, l)
		write(t, filepath.Join(folder, l.batchFile(1)), smallFile(l, l.batchFile(testBatch)))
		for _, split := range []Split{Train, Dev, Test} {
			_, err := small.load(folder, split)
			require.ErrorContains(t, err, want)
			require.ErrorIs(t, err, ErrCorrupt)
		}
	}
	folder := smallFolder(t, Python)
	write(t, filepath.Join(folder, "data_batch_1"), smallFile(Python, "data_batch_2"))
	_, err := small.floatBatch(folder, 1, Train)
	require.ErrorContains(t, err, `its batch_label is "training batch 2 of 5", want "training batch 1 of 5"`)
}
