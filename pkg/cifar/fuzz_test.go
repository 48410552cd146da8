package cifar

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzPickle: any input gives an error or a valid batch.
func FuzzPickle(f *testing.F) {
	f.Add(smallPickle())
	f.Add(smallFile(Python, "batches.meta"))
	for protocol := 2; protocol <= 5; protocol++ {
		f.Add(python3Batch(f, protocol))
	}
	f.Add(arrayOf(numpyArray(goodShape, "u1", "\x88", 10)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if im, err := small.pickleBatch(1, data); err == nil {
			checkImages(t, im)
		}
		if names, err := pickleLabelNames(data); err != nil && names != nil {
			t.Error("names and an error")
		}
	})
}

// FuzzBinary: an accepted batch is the same when it is written again.
func FuzzBinary(f *testing.F) {
	f.Add(smallFile(Binary, "data_batch_1.bin"))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{10}, 2*recordSize))
	f.Fuzz(func(t *testing.T, data []byte) {
		im, err := small.binaryBatch(data)
		if err != nil {
			return
		}
		checkImages(t, im)
		if !bytes.Equal(appendBinary(nil, im), data) {
			t.Error("another batch when written again")
		}
	})
}

func checkImages(t *testing.T, im images) {
	if len(im.labels) != small.batchLen || len(im.planes) != small.batchLen*ImageSize {
		t.Errorf("%d labels, %d pixels", len(im.labels), len(im.planes))
	}
	for _, label := range im.labels {
		if label >= NumClasses {
			t.Errorf("label %d", label)
		}
	}
}

// FuzzTar: whatever the archive contains, only names of CIFAR-10 are visited.
func FuzzTar(f *testing.F) {
	for _, l := range layouts {
		es := smallEntries(l)
		for i := 1; i < len(es); i++ { // walkReader does not look inside the files, and short is fast
			es[i] = file(es[i].Name, []byte("x"))
		}
		f.Add(tarred(f, es[:3]))
		f.Add(tarred(f, es))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, err := walkReader(bytes.NewReader(gzipped(data)), func(l Layout, name string, data []byte) error {
			if limit := l.maxSize(name); limit == 0 || int64(len(data)) > limit || strings.ContainsAny(name, `/\`) {
				t.Errorf("visited %q, %d bytes", name, len(data))
			}
			return nil
		})
		if err == io.EOF || errors.Is(err, errStop) {
			t.Error(err)
		}
	})
}

// FuzzExtract: any file is either extracted completely or leaves nothing behind.
func FuzzExtract(f *testing.F) {
	for _, l := range layouts {
		f.Add(pack(f, smallEntries(l)))
		f.Add(pack(f, smallEntries(l)[:1]))
		f.Add(pack(f, []entry{file(l.Folder()+"/readme.html", []byte("x"))}))
	}
	f.Add([]byte("<html>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		archive, out := filepath.Join(dir, "a.tar.gz"), filepath.Join(dir, "out")
		if err := os.WriteFile(archive, data, 0o644); err != nil {
			t.Fatal(err)
		}
		folder, members, err := small.extract(archive, out)
		if err != nil {
			if left := listing(t, dir); len(left) > 2 {
				t.Errorf("%v left %q", err, left)
			}
			return
		}
		if _, err := small.load(folder, Train); err != nil {
			t.Error(err)
		}
		if _, again, err := small.extract(archive, out); err != nil || len(again) != len(members) {
			t.Error(again, err)
		}
	})
}
