package cifar

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// small reads fixtures, which have 2 images a batch instead of 10,000.
var small = reader{batchLen: 2}

// smallImages makes batch id of a fixture; all images differ.
func smallImages(id int) images {
	im := images{make([]uint8, small.batchLen), make([]uint8, small.batchLen*ImageSize)}
	for i := range im.labels {
		im.labels[i] = uint8((id*small.batchLen + i) % NumClasses)
	}
	for i := range im.planes {
		im.planes[i] = uint8(i*7 + i/1024*31 + id*101)
	}
	return im
}

// An entry is a member of an archive.
type entry struct {
	tar.Header
	data []byte
}

func file(name string, data []byte) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(data))}, data}
}

// smallFile makes one file of a fixture.
func smallFile(l Layout, name string) []byte {
	switch id := l.batchID(name); {
	case id != 0:
		in := make([]jpegImage, small.batchLen)
		return small.encodeBatch(l, id, smallImages(id), in)
	case name == l.metaFile():
		return small.encodeMeta(l)
	}
	return []byte("<html>a readme</html>\n")
}

// smallEntries returns the members of a complete archive, in published order.
func smallEntries(l Layout) []entry {
	es := []entry{{Header: tar.Header{Name: l.Folder() + "/", Typeflag: tar.TypeDir, Mode: 0o755}}}
	for _, name := range l.order() {
		es = append(es, file(l.Folder()+"/"+name, smallFile(l, name)))
	}
	return es
}

// replaced replaces the entry of the same name, or appends.
func replaced(es []entry, e entry) []entry {
	if i := slices.IndexFunc(es, func(old entry) bool { return old.Name == e.Name }); i >= 0 {
		es[i] = e
		return es
	}
	return append(es, e)
}

func without(es []entry, name string) []entry {
	return slices.DeleteFunc(es, func(e entry) bool { return e.Name == name })
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func tarred(t testing.TB, es []entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range es {
		require.NoError(t, w.WriteHeader(&e.Header))
		_, err := w.Write(e.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func pack(t testing.TB, es []entry) []byte { return gzipped(tarred(t, es)) }

// smallArchive writes an archive into a new folder.
func smallArchive(t testing.TB, l Layout) string {
	return write(t, filepath.Join(t.TempDir(), l.Archive()), pack(t, smallEntries(l)))
}

// smallFolder extracts an archive.
func smallFolder(t testing.TB, l Layout) string {
	folder, _, err := small.extract(smallArchive(t, l), t.TempDir())
	require.NoError(t, err)
	return folder
}

func write(t testing.TB, name string, data []byte) string {
	require.NoError(t, os.WriteFile(name, data, 0o644))
	return name
}

// listing returns all paths under a folder.
func listing(t testing.TB, dir string) []string {
	var names []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return err
	}))
	return names[1:]
}

// smallJPEGs makes a JPEG copy like data.JPEGArchive.
func smallJPEGs(t testing.TB) []entry {
	var es []entry
	for i := range len(allBatches) * small.batchLen {
		img := image.NewRGBA(image.Rect(0, 0, Width, Height))
		for p := range Height * Width {
			img.Set(p%Width, p/Width, color.RGBA{uint8(p), uint8(i * 20), uint8(p / Width * 8), 255})
		}
		var b bytes.Buffer
		require.NoError(t, jpeg.Encode(&b, img, nil))
		split, at := "train", i
		if i >= 5*small.batchLen {
			split, at = "test", i-5*small.batchLen
		}
		es = append(es, file(fmt.Sprintf("%s/%05d_%s.jpg", split, at, Classes[i%NumClasses]), b.Bytes()))
	}
	return es
}

// smallPickle is a batch of the python layout, for tests that change something in it.
func smallPickle() []byte { return smallFile(Python, "data_batch_1") }

// patched replaces the only occurrence of old.
func patched(t testing.TB, data []byte, old, new string) []byte {
	require.Equal(t, 1, bytes.Count(data, []byte(old)), "%q", old)
	return bytes.Replace(data, []byte(old), []byte(new), 1)
}
