package cifar

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzPickle: any input gives an error or a valid batch. The pixels take 98% of a batch; inputs have pixelMark instead, so that
// mutations reach the opcodes.
func FuzzPickle(f *testing.F) {
	withMark := func(file []byte, pixels []uint8) []byte {
		return patched(f, file, string(pixels), pixelMark)
	}
	f.Add(withMark(smallPickle(), smallImages(1).planes))
	f.Add(smallFile(Python, "batches.meta"))
	for protocol := 3; protocol <= 5; protocol++ { // protocol 2 writes the pixels as text
		file := python3Batch(f, protocol)
		im, err := small.pickleBatch(1, file)
		require.NoError(f, err)
		f.Add(withMark(file, im.planes))
	}
	xs := bytes.Repeat([]byte("x"), small.batchLen*ImageSize)
	f.Add(withMark(arrayOf(numpyArray(goodShape, "u1", "\x88", len(xs))), xs))
	f.Add(arrayOf("c_codecs\nencode\nX\x02\x00\x00\x00\xc3\xbfX\x06\x00\x00\x00latin1\x86R"))
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.Replace(data, []byte(pixelMark), xs, 1)
		if im, err := small.pickleBatch(1, data); err == nil {
			checkImages(t, im)
		}
		if names, err := pickleLabelNames(data); err != nil && names != nil {
			t.Error("names and an error")
		}
	})
}

const pixelMark = "[pixels]"

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
		f.Add(described, []byte(description(l, short)))
		f.Add(gzippedTar, []byte(description(l, short)+strangeMembers))
		f.Add(rawBytes, pack(f, smallEntries(l)[:1]))
	}
	f.Fuzz(func(t *testing.T, form uint8, data []byte) {
		_, _, err := walkReader(bytes.NewReader(fuzzedArchive(form, data)), func(l Layout, name string, data []byte) error {
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
		f.Add(described, []byte(description(l, good)))
		f.Add(gzippedTar, []byte(description(l, good)+strangeMembers))
		f.Add(rawBytes, pack(f, smallEntries(l)[:1]))
	}
	f.Add(rawBytes, []byte("<html>"))
	f.Fuzz(func(t *testing.T, form uint8, data []byte) {
		dir := memoryDir(t)
		archive, out := filepath.Join(dir, "a.tar.gz"), filepath.Join(dir, "out")
		if err := os.WriteFile(archive, fuzzedArchive(form, data), 0o644); err != nil {
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

// memoryDir returns a new folder in memory where the system has one: waiting for a disk takes most of an extraction's time.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "resnet18-fuzz-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// The forms of a fuzzed archive: the bytes of the file, or a description of its members. Checksums of gzip and of tar's headers
// would refuse almost every mutation of bytes.
const (
	described uint8 = iota
	gzippedTar
	rawBytes
	forms
)

func fuzzedArchive(form uint8, data []byte) []byte {
	switch form % forms {
	case described:
		return describedTar(string(data))
	case gzippedTar:
		return stored(describedTar(string(data)))
	}
	return data
}

// stored returns a gzip file without compression, which is fast.
func stored(data []byte) []byte {
	var b bytes.Buffer
	z := storing.Get().(*gzip.Writer)
	defer storing.Put(z)
	z.Reset(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

var storing = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.NoCompression)
	return z
}}

// strangeMembers are lines with members that archives do not have, for mutations to play with: a long name as GNU writes it, one
// as POSIX does, links, a device, a sparse file and a file that ends early.
const strangeMembers = `L|././@LongLink|||cifar-10-batches-py/data_batch_1|
x|PaxHeaders/1|||28 path=cifar-10-batches-py|
x|PaxHeaders/2|||22 GNU.sparse.size=9|
2|cifar-10-batches-py/test_batch||/etc/passwd||
1|cifar-10-batches-bin/../x||cifar-10-batches-py/test_batch||
3|dev||||
S|sparse|77777777777||x|
0|cifar-100-python/._train|00000000002||x|cifar-10-batches-py
!`

// Contents in a description: good is that of a file of this name, of which what follows replaces the start; short is the name.
const (
	good  = "="
	short = "-"
)

// description describes a complete archive, with a file in each line as describedTar reads it.
func description(l Layout, content string) string {
	lines := "5|" + l.Folder() + "/||||\n"
	for _, name := range l.order() {
		lines += "0|" + l.Folder() + "/" + name + "|||" + content + "|\n"
	}
	return lines
}

// describedTar makes a tar archive with right checksums. Each line is a member: type, name, size (by default that of the content),
// link, content, prefix. A line "!" leaves out the end of the archive.
func describedTar(lines string) []byte {
	var b bytes.Buffer
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		if line == "!" {
			return b.Bytes()
		}
		var fields [6]string
		copy(fields[:], strings.SplitN(line, "|", len(fields)))
		kind, name, size, link, content, prefix := fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]
		if start, ok := strings.CutPrefix(content, good); ok {
			content = goodContent(name)
			content = start + content[min(len(start), len(content)):]
		} else if content == short {
			content = name
		}
		if size == "" {
			size = fmt.Sprintf("%011o", len(content))
		}
		b.Write(tarHeader(kind, name, size, link, prefix))
		b.WriteString(content)
		b.Write(make([]byte, -b.Len()&511))
	}
	b.Write(make([]byte, 1024))
	return b.Bytes()
}

func tarHeader(kind, name, size, link, prefix string) []byte {
	var h [512]byte
	for _, field := range []struct {
		at, length int
		text       string
	}{
		{0, 100, name}, {100, 8, "0000644"}, {108, 8, "0000000"}, {116, 8, "0000000"}, {124, 12, size}, {136, 12, "00000000000"},
		{148, 8, "        "}, {156, 1, kind}, {157, 100, link}, {257, 8, "ustar\x0000"}, {345, 155, prefix},
	} {
		copy(h[field.at:field.at+field.length], field.text)
	}
	var sum int
	for _, v := range h {
		sum += int(v)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00", sum))
	return h[:]
}

// goodContent returns the content of the file of this name in a small archive, of either layout.
func goodContent(name string) string {
	folder, base := path.Split(name)
	for _, l := range layouts {
		if folder == l.Folder()+"/" {
			return string(goodFile(l, base))
		}
	}
	return ""
}

var goodFiles sync.Map

// goodFile is smallFile, made once: making it takes longer than a run of the target.
func goodFile(l Layout, name string) []byte {
	if data, ok := goodFiles.Load(l.Folder() + name); ok {
		return data.([]byte)
	}
	data := smallFile(l, name)
	if l.maxSize(name) > 0 {
		goodFiles.Store(l.Folder()+name, data)
	}
	return data
}

// TestFuzzedArchive: what FuzzTar and FuzzExtract start from is read as what it is meant to be.
func TestFuzzedArchive(t *testing.T) {
	for _, l := range layouts {
		for _, form := range []uint8{described, gzippedTar} {
			archive := write(t, filepath.Join(t.TempDir(), "a"), fuzzedArchive(form, []byte(description(l, good))))
			_, members, err := small.extract(archive, t.TempDir())
			require.NoError(t, err)
			require.Len(t, members, len(smallEntries(l)))
		}
	}
	visited := 0
	_, _, err := walkReader(bytes.NewReader(describedTar(description(Python, short)+"0|x||||")), func(Layout, string, []byte) error {
		visited++
		return nil
	})
	require.ErrorContains(t, err, `member "x": not part of CIFAR-10`)
	require.Equal(t, len(Python.order()), visited)
}
