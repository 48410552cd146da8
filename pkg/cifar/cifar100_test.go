package cifar

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar/cifar10"
)

// hundred reads fixtures of 5 training images and 2 test images.
var hundred = cifar100{train: 5, test: 2}

// hundredImages makes n images with high labels; all differ.
func hundredImages(n, seed int) images {
	im := images{make([]uint8, n), make([]uint8, n*ImageSize)}
	for i := range im.labels {
		im.labels[i] = uint8(99 - i - 10*seed)
	}
	for i := range im.planes {
		im.planes[i] = uint8(i*7 + i/1024*31 + seed*101)
	}
	return im
}

// hundredFiles makes the files of a layout and one that is not read.
func hundredFiles(t testing.TB, l cifar100Layout) map[string][]byte {
	train, test := hundredImages(hundred.train, 1), hundredImages(hundred.test, 2)
	name := func(i int) string { return fmt.Sprintf("class_%02d", i) }
	if l.binary() {
		names := ""
		for i := range cifar100Classes {
			names += name(i) + "\n"
		}
		return map[string][]byte{l.train: binary100(train), l.test: binary100(test), l.names: []byte(names), "coarse_label_names.txt": []byte("fish\n")}
	}
	p := &pickler{}
	p.op("\x80\x02}")
	p.put()
	p.op("(")
	p.key("fine_label_names")
	p.list(cifar100Classes, func(i int) { p.text(name(i)) })
	p.op("u.")
	file := func(title string, im images) []byte {
		batch := pickleOfBatch(title, im, func(i int) string { return fmt.Sprint(i, ".png") })
		return patched(t, batch, "U\x06labels", "U\x0bfine_labels")
	}
	return map[string][]byte{l.train: file("training batch 1 of 1", train), l.test: file("testing batch 1 of 1", test), l.names: p.out, "file.txt~": []byte("x")}
}

func binary100(im images) (b []byte) {
	for i, label := range im.labels {
		b = append(append(b, label/5, label), im.planes[i*ImageSize:][:ImageSize]...)
	}
	return b
}

// hundredArchive writes an archive with the given files.
func hundredArchive(t testing.TB, folder string, files map[string][]byte) string {
	var es []entry
	for _, name := range slices.Sorted(maps.Keys(files)) {
		es = append(es, file(folder+"/"+name, files[name]))
	}
	return write(t, filepath.Join(t.TempDir(), folder+".tar.gz"), pack(t, es))
}

func TestCIFAR100(t *testing.T) {
	t.Parallel()
	for _, l := range cifar100Layouts {
		t.Run(l.folder, func(t *testing.T) {
			t.Parallel()
			files := hundredFiles(t, l)
			outer := t.TempDir()
			folder := filepath.Join(outer, l.folder)
			require.NoError(t, os.Mkdir(folder, 0o755))
			for name, data := range files {
				write(t, filepath.Join(folder, name), data)
			}
			for _, path := range []string{hundredArchive(t, l.folder, files), folder, outer} {
				require.True(t, MayBeCIFAR100(path))
				d, err := hundred.load(path)
				require.NoError(t, err)
				require.Equal(t, []uint16{89, 88, 87, 86}, d.Train.Labels)
				require.Equal(t, []uint16{85}, d.Dev.Labels)
				require.Equal(t, []uint16{79, 78}, d.Test.Labels)
				require.Equal(t, "class_85", d.Dev.ClassNames()[85])
				require.Len(t, d.Test.ClassNames(), 100)
				require.Equal(t, []Split{Train, Dev, Test}, []Split{d.Train.Split, d.Dev.Split, d.Test.Split})
				require.Equal(t, "CIFAR-100, "+path, d.Dev.Origin)
				// Image 4 of the training images: channels last.
				planes := hundredImages(hundred.train, 1).planes[4*ImageSize:]
				require.Equal(t, []uint8{planes[0], planes[1024], planes[2048], planes[1]}, d.Dev.Pixels[:4])
			}
		})
	}
}

func TestCIFAR100Errors(t *testing.T) {
	t.Parallel()
	python, binary := cifar100Layouts[0], cifar100Layouts[1]
	for name, test := range map[string]struct {
		layout cifar100Layout
		change func(t *testing.T, files map[string][]byte)
		is     error
		want   string
	}{
		"label":        {binary, func(_ *testing.T, f map[string][]byte) { f["train.bin"][1] = 100 }, ErrCorrupt, "train.bin: corrupt data: image 0 has label 100, want 0 to 99"},
		"short":        {binary, func(_ *testing.T, f map[string][]byte) { f["test.bin"] = f["test.bin"][:3074] }, ErrCorrupt, "test.bin: corrupt data: 3074 bytes, want 6148 (2 records of 3074 bytes)"},
		"names":        {binary, func(_ *testing.T, f map[string][]byte) { f["fine_label_names.txt"] = []byte("a b") }, ErrCorrupt, "2 class names, want 100"},
		"name twice":   {binary, func(_ *testing.T, f map[string][]byte) { copy(f["fine_label_names.txt"], "class_01") }, ErrCorrupt, `name of class 1 is "class_01", want one that no other`},
		"not UTF-8":    {binary, func(_ *testing.T, f map[string][]byte) { f["fine_label_names.txt"][2] = 0xff }, ErrCorrupt, `name of class 0 is "cl\xffss_00"`},
		"control":      {python, func(t *testing.T, f map[string][]byte) { f["meta"] = patched(t, f["meta"], "class_00", "class\n00") }, ErrCorrupt, `name of class 0 is "class\n00"`},
		"no name":      {python, func(t *testing.T, f map[string][]byte) { f["meta"] = patched(t, f["meta"], "U\x08class_00", "U\x00") }, ErrCorrupt, `name of class 0 is ""`},
		"missing file": {python, func(_ *testing.T, f map[string][]byte) { delete(f, "meta") }, ErrNotFound, "no member cifar-100-python/meta"},
		"no file":      {python, func(_ *testing.T, f map[string][]byte) { clear(f) }, ErrNotFound, "no member cifar-100-python/train"},
		"coarse only": {python, func(t *testing.T, f map[string][]byte) {
			f["test"] = patched(t, f["test"], "U\x0bfine_labels", "U\x0dcoarse_labels")
		}, ErrCorrupt, `no entry "fine_labels"`},
		"no pickle": {python, func(_ *testing.T, f map[string][]byte) { f["train"] = []byte("PK\x03\x04 and more of a zip file") }, ErrCorrupt, "not a batch file but"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := hundredFiles(t, test.layout)
			test.change(t, files)
			_, err := hundred.load(hundredArchive(t, test.layout.folder, files))
			require.ErrorIs(t, err, test.is)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, cifar100Advice)
		})
	}
	for _, last := range []struct {
		tar.Header
		want string
	}{
		{tar.Header{Name: "cifar-100-python/meta", Typeflag: tar.TypeReg}, `member "cifar-100-python/meta": duplicate member`},
		{tar.Header{Name: "./cifar-100-python/test", Typeflag: tar.TypeSymlink, Linkname: "x"}, `member "./cifar-100-python/test": link to "x", want a regular file`},
	} {
		files := hundredFiles(t, python)
		var es []entry
		for _, name := range python.files() {
			es = append(es, file(python.folder+"/"+name, files[name]))
		}
		_, err := hundred.load(write(t, filepath.Join(t.TempDir(), "x.tar.gz"), pack(t, append(es, entry{Header: last.Header}))))
		require.ErrorIs(t, err, ErrCorrupt)
		require.ErrorContains(t, err, last.want)
	}
	archive, err := os.ReadFile(hundredArchive(t, python.folder, hundredFiles(t, python)))
	require.NoError(t, err)
	_, err = hundred.load(write(t, filepath.Join(t.TempDir(), "cut.tar.gz"), archive[:len(archive)/2]))
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, "truncated")
	_, err = hundred.load(smallArchive(t, Python))
	require.ErrorContains(t, err, "it is CIFAR-10, want CIFAR-100; for your own copy of CIFAR-10 set CIFAR10_PATH")
	_, err = LoadCIFAR100(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.False(t, MayBeCIFAR100(t.TempDir()))
	_, err = hundred.load(t.TempDir())
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, "want train, test, meta, or train.bin, test.bin, fine_label_names.txt, in the folder or in its cifar-100-python or cifar-100-binary")
}

// FuzzCIFAR100: any archive gives an error or images with labels below 100.
func FuzzCIFAR100(f *testing.F) {
	for _, l := range cifar100Layouts {
		files := hundredFiles(f, l)
		f.Add(files[l.train], files[l.names], l.binary())
	}
	f.Fuzz(func(t *testing.T, train, names []byte, binary bool) {
		l := cifar100Layouts[0]
		if binary {
			l = cifar100Layouts[1]
		}
		d, err := hundred.decode(l, map[string][]byte{l.train: train, l.names: names, l.test: bytes.Clone(hundredFiles(t, l)[l.test])})
		if err != nil {
			return
		}
		for _, d := range []*cifar10.Dataset{d.Train, d.Dev, d.Test} {
			require.Len(t, d.ClassNames(), 100)
			for _, label := range d.Labels {
				require.Less(t, label, uint16(100), strings.Join(d.ClassNames(), " "))
			}
		}
	})
}
