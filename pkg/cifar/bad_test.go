package cifar

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/badinput"
)

// header returns the bytes of a single tar header.
func header(t testing.TB, h tar.Header) []byte {
	var b bytes.Buffer
	require.NoError(t, tar.NewWriter(&b).WriteHeader(&h))
	return b.Bytes()
}

// A badArchive is a file that is not a valid CIFAR-10 archive, and the text of its error.
type badArchive struct {
	name string
	make func(t testing.TB) []byte
	want []string
}

var badArchives = []badArchive{
	{"empty file", func(testing.TB) []byte { return nil },
		[]string{"empty file (0 bytes)", "want a gzipped tar archive", "download the archive again"}},
	{"HTML page", func(testing.TB) []byte { return []byte("\n<!DOCTYPE html><html>404 Not Found</html>") },
		[]string{"not a gzip file but a web page (HTML)"}},
	{"zip", func(testing.TB) []byte { return []byte("PK\x03\x04 and so on") }, []string{"not a gzip file but a zip file"}},
	{"bzip2", func(testing.TB) []byte { return []byte("BZh91AY&SY") }, []string{"not a gzip file but a bzip2 file"}},
	{"xz", func(testing.TB) []byte { return []byte("\xfd7zXZ\x00\x00") }, []string{"not a gzip file but an xz file"}},
	{"MATLAB", func(testing.TB) []byte { return []byte("MATLAB 5.0 MAT-file, Platform: GLNXA64") }, []string{"not a gzip file but a MATLAB file"}},
	{"Git LFS", func(testing.TB) []byte { return []byte("version https://git-lfs.github.com/spec/v1\n") }, []string{"a pointer of Git LFS", "git lfs pull"}},
	{"a batch file", func(testing.TB) []byte { return smallFile(Python, "data_batch_1") }, []string{"not an archive but a batch file", "give the folder"}},
	{"batch is HTML", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_2", []byte("<html>"))))
	}, []string{"data_batch_2", "not a batch file but a web page (HTML)"}},
	{"batch is a pointer", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_2", []byte("version https://git-lfs.github.com/spec/v1\n"))))
	}, []string{"data_batch_2", "not a batch file but a pointer of Git LFS"}},
	{"batch is gzipped", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_2", gzipped(smallPickle()))))
	}, []string{"data_batch_2", "not a batch file but a gzip file"}},
	{"batch with CRLF", func(t testing.TB) []byte {
		text := bytes.ReplaceAll(smallPickle(), []byte("\n"), []byte("\r\n"))
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_2", text)))
	}, []string{"data_batch_2", "all line ends are CRLF"}},
	{"many strays", func(t testing.TB) []byte {
		var es []entry
		for range 5 {
			es = append(es, file("cifar-10-batches-py/.DS_Store", make([]byte, maxSmallFile/4)))
		}
		return pack(t, append(es, smallEntries(Python)...))
	}, []string{"more than 1048576 bytes of headers"}},
	{"text", func(testing.TB) []byte { return []byte("hello") }, []string{"not a gzip file but of an unknown format"}},
	{"gzip header only", func(testing.TB) []byte { return []byte{0x1f, 0x8b} }, []string{"file is truncated"}},
	{"gzip header corrupt", func(testing.TB) []byte { return []byte("\x1f\x8b\x09 0123456789") },
		[]string{"corrupt data: not a gzipped tar archive"}},
	{"gzip of text", func(testing.TB) []byte { return gzipped([]byte(strings.Repeat("hello ", 1000))) },
		[]string{"after 0 members", "not a gzipped tar archive"}},
	{"empty tar", func(t testing.TB) []byte { return pack(t, nil) }, []string{"empty archive", "six batch files"}},
	{"gzip truncated", func(t testing.TB) []byte { b := pack(t, smallEntries(Python)); return b[:len(b)/2] },
		[]string{"member \"cifar-10-batches-py/", "file is truncated", "an interrupted download"}},
	{"gzip trailer truncated", func(t testing.TB) []byte { b := pack(t, smallEntries(Python)); return b[:len(b)-3] },
		[]string{"file is truncated"}},
	{"gzip checksum flipped", func(t testing.TB) []byte { b := pack(t, smallEntries(Python)); b[len(b)-6] ^= 1; return b },
		[]string{"checksum mismatch"}},
	{"pixel flipped", func(t testing.TB) []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.NoCompression)
		z.Write(tarred(t, smallEntries(Binary)))
		z.Close()
		data := b.Bytes()
		data[bytes.Index(data, smallFile(Binary, "test_batch.bin"))+100] ^= 4
		return data
	}, []string{"corrupt data", "checksum mismatch"}},
	{"garbage after gzip", func(t testing.TB) []byte { return append(pack(t, smallEntries(Python)), "garbage...."...) },
		[]string{"at the end", "corrupt data"}},
	{"gzip content flipped", func(t testing.TB) []byte {
		b := pack(t, smallEntries(Python))
		b[len(b)/2] ^= 0xff
		return b
	}, []string{"corrupt data"}},
	{"tar truncated", func(t testing.TB) []byte { b := tarred(t, smallEntries(Python)); return gzipped(b[:20000]) },
		[]string{"file is truncated"}},
	{"tar header corrupt", func(t testing.TB) []byte {
		b := tarred(t, smallEntries(Binary))
		b[512] ^= 0xff
		return gzipped(b)
	}, []string{"after 1 members", "invalid tar header"}},
	{"bomb after the end", func(t testing.TB) []byte {
		return gzipped(append(tarred(t, smallEntries(Python)), make([]byte, 2<<20)...))
	}, []string{"trailing data after the last member"}},
	{"huge declared size", func(t testing.TB) []byte {
		return gzipped(header(t, tar.Header{Name: "cifar-10-batches-py/data_batch_1", Typeflag: tar.TypeReg, Size: 1 << 40}))
	}, []string{"size of 1099511627776 bytes", "want at most 67108864"}},
	{"large declared size, nothing there", func(t testing.TB) []byte {
		return gzipped(header(t, tar.Header{Name: "cifar-10-batches-py/data_batch_1", Typeflag: tar.TypeReg, Size: 60 << 20}))
	}, []string{"data_batch_1", "file is truncated"}},
	{"large readme", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/readme.html", make([]byte, 2<<20))))
	}, []string{"readme.html", "size of 2097152 bytes", "want at most 1048576"}},
	{"path traversal", func(t testing.TB) []byte {
		return pack(t, append(smallEntries(Python), file("cifar-10-batches-py/../../evil", []byte("x"))))
	}, []string{`"cifar-10-batches-py/../../evil"`, `path with ".."`, "outside the folder"}},
	{"path traversal, Windows", func(t testing.TB) []byte { return pack(t, []entry{file(`..\evil`, []byte("x"))}) },
		[]string{`path with ".."`}},
	{"absolute name", func(t testing.TB) []byte { return pack(t, []entry{file("/tmp/cifar-evil", []byte("x"))}) },
		[]string{`"/tmp/cifar-evil"`, "absolute path"}},
	{"absolute name, Windows", func(t testing.TB) []byte { return pack(t, []entry{file(`C:\evil`, []byte("x"))}) },
		[]string{"absolute path"}},
	{"symbolic link", func(t testing.TB) []byte {
		return pack(t, []entry{{Header: tar.Header{Name: "cifar-10-batches-py/data_batch_1", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}})
	}, []string{`link to "/etc/passwd"`, "want a regular file"}},
	{"folder as symbolic link", func(t testing.TB) []byte {
		return pack(t, []entry{{Header: tar.Header{Name: "cifar-10-batches-py", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}}})
	}, []string{`link to "/tmp"`}},
	{"hard link", func(t testing.TB) []byte {
		return pack(t, append(smallEntries(Python), entry{Header: tar.Header{Name: "cifar-10-batches-py/x", Typeflag: tar.TypeLink, Linkname: "cifar-10-batches-py/test_batch"}}))
	}, []string{"link to"}},
	{"device", func(t testing.TB) []byte {
		return pack(t, []entry{{Header: tar.Header{Name: "cifar-10-batches-py/data_batch_1", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}}})
	}, []string{"device or pipe"}},
	{"pipe", func(t testing.TB) []byte {
		return pack(t, []entry{{Header: tar.Header{Name: "cifar-10-batches-py/data_batch_1", Typeflag: tar.TypeFifo}}})
	}, []string{"device or pipe"}},
	{"global header", func(t testing.TB) []byte {
		return pack(t, []entry{{Header: tar.Header{Name: "g", Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}}})
	}, []string{"tar type 'g'"}},
	{"duplicate", func(t testing.TB) []byte {
		es := smallEntries(Python)
		return pack(t, append(es, es[1]))
	}, []string{`"cifar-10-batches-py/data_batch_4"`, "duplicate member"}},
	{"unexpected member", func(t testing.TB) []byte {
		return pack(t, append(smallEntries(Python), file("cifar-10-batches-py/setup.sh", []byte("x"))))
	}, []string{"setup.sh", "not part of CIFAR-10"}},
	{"unexpected folder", func(t testing.TB) []byte {
		return pack(t, []entry{{Header: tar.Header{Name: "cifar-10-batches-py/data_batch_1/", Typeflag: tar.TypeDir}}})
	}, []string{"not part of CIFAR-10"}},
	{"other data", func(t testing.TB) []byte { return pack(t, []entry{file("mnist/train", []byte("x"))}) },
		[]string{`"mnist/train"`, "not part of CIFAR-10"}},
	{"CIFAR-100", func(t testing.TB) []byte { return pack(t, []entry{file("cifar-100-python/train", []byte("x"))}) },
		[]string{"not CIFAR-10 but CIFAR-100 (100 classes)"}},
	{"two layouts", func(t testing.TB) []byte { return pack(t, append(smallEntries(Python), smallEntries(Binary)...)) },
		[]string{"python and binary layout in one archive"}},
	{"batch missing", func(t testing.TB) []byte {
		return pack(t, without(smallEntries(Python), "cifar-10-batches-py/data_batch_3"))
	}, []string{`member "cifar-10-batches-py/data_batch_3" is missing`}},
	{"class names missing", func(t testing.TB) []byte {
		return pack(t, without(smallEntries(Binary), "cifar-10-batches-bin/batches.meta.txt"))
	}, []string{`"cifar-10-batches-bin/batches.meta.txt" is missing`}},
	{"binary batch short", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Binary), file("cifar-10-batches-bin/data_batch_2.bin", make([]byte, 100))))
	}, []string{"data_batch_2.bin", "100 bytes, want 6146 (2 records of 3073 bytes)"}},
	{"binary label", func(t testing.TB) []byte {
		b := smallFile(Binary, "test_batch.bin")
		b[recordSize] = 10
		return pack(t, replaced(smallEntries(Binary), file("cifar-10-batches-bin/test_batch.bin", b)))
	}, []string{"test_batch.bin", "image 1 has label 10, want 0 to 9"}},
	{"test batch as a training batch", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_1", smallFile(Python, "test_batch"))))
	}, []string{"data_batch_1", `it has the name of another batch: its batch_label is "testing batch 1 of 1", want "training batch 1 of 5"`}},
	{"two batches swapped", func(t testing.TB) []byte {
		es := replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_2", smallFile(Python, "data_batch_3")))
		return pack(t, replaced(es, file("cifar-10-batches-py/data_batch_3", smallFile(Python, "data_batch_2"))))
	}, []string{"data_batch_3", "it has the name of another batch"}},
	{"copy of another batch", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Binary), file("cifar-10-batches-bin/data_batch_2.bin", smallFile(Binary, "test_batch.bin"))))
	}, []string{"data_batch_2.bin", "it is a copy of test_batch.bin"}},
	{"copy of another batch, without titles", func(t testing.TB) []byte {
		b := bytes.Replace(smallPickle(), []byte("training batch 1 of 5"), []byte("12345 training images"), 1)
		es := replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_1", b))
		return pack(t, replaced(es, file("cifar-10-batches-py/data_batch_2", b)))
	}, []string{"data_batch_1", "it is a copy of data_batch_2"}},
	{"pickle short", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/data_batch_5", smallPickle()[:3000])))
	}, []string{"data_batch_5", "pickle is truncated"}},
	{"too few class names", func(t testing.TB) []byte {
		return pack(t, replaced(smallEntries(Binary), file("cifar-10-batches-bin/batches.meta.txt", []byte("cat\ndog\n"))))
	}, []string{"2 class names, want 10"}},
	{"other class names", func(t testing.TB) []byte {
		b := patched(t, smallFile(Python, "batches.meta"), "U\x03cat", "U\x03cow")
		return pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/batches.meta", b)))
	}, []string{`name of class 3 is "cow", want "cat"`}},
}

// TestArchivesFromElsewhere reads archives as people's tools leave them: with "./" before the names, with the files that Finder,
// Windows and this package add, and unpacked by a browser.
func TestArchivesFromElsewhere(t *testing.T) {
	t.Parallel()
	for _, l := range layouts {
		want, err := small.loadArchive(smallArchive(t, l), Train)
		require.NoError(t, err)
		dotted := []entry{{Header: tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}}}
		var strays []entry
		for _, e := range smallEntries(l) {
			strays = append(strays, e, file("./._"+filepath.Base(e.Name), []byte("x")))
			e.Name = "./" + e.Name
			dotted = append(dotted, e)
		}
		for _, name := range []string{".DS_Store", "Thumbs.db", "desktop.ini", recordFile} {
			strays = append(strays, file(l.Folder()+"/"+name, []byte("x")))
		}
		for name, data := range map[string][]byte{
			"./": pack(t, dotted), "strays": pack(t, strays), "tar": tarred(t, smallEntries(l)), "tar, ./": tarred(t, dotted),
		} {
			archive := write(t, filepath.Join(t.TempDir(), "archive"), data)
			d, err := small.loadArchive(archive, Train)
			require.NoError(t, err, name)
			require.Equal(t, want.Pixels, d.Pixels, name)
			folder, members, err := small.extract(archive, t.TempDir())
			require.NoError(t, err, name)
			require.Len(t, members, 1+len(l.order()), name)
			require.Equal(t, l.Folder()+"/", members[0].Name, name)

			// Finder's file in the folder does not keep another archive from replacing it.
			write(t, filepath.Join(folder, ".DS_Store"), []byte("x"))
			_, _, err = small.extract(smallArchive(t, l), filepath.Dir(folder))
			require.NoError(t, err, name)
		}
	}
}

// TestBadArchives reads each bad archive in every way: there must be an error that names the file and the cause, and nothing
// may be left on the disk or written outside the folder.
func TestBadArchives(t *testing.T) {
	here := listing(t, ".")
	for _, test := range badArchives {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			archive := write(t, filepath.Join(dir, "archive.tar.gz"), test.make(t))
			out := filepath.Join(dir, "out")
			want := append(test.want, "cifar: archive "+archive)
			var err error
			badinput.Refused(t, "archive", func() error {
				_, _, err = small.extract(archive, out)
				return err
			}, want...)
			require.Equal(t, []string{archive, out}, listing(t, dir))
			require.NotEqual(t, errors.Is(err, ErrCorrupt), errors.Is(err, ErrOtherData), "exactly one of them")

			d, again := small.loadArchive(archive, Train)
			require.Nil(t, d)
			require.EqualError(t, again, err.Error())
		})
	}
	require.Equal(t, here, listing(t, "."))
	require.NoFileExists(t, "/tmp/cifar-evil")
}

// TestBadArchiveKeepsFolder extracts a bad archive where a good one was extracted before.
func TestBadArchiveKeepsFolder(t *testing.T) {
	t.Parallel()
	folder := smallFolder(t, Python)
	before := listing(t, folder)
	bad := write(t, filepath.Join(t.TempDir(), "bad.tar.gz"), pack(t, smallEntries(Python)[:4]))
	_, _, err := small.extract(bad, filepath.Dir(folder))
	require.ErrorContains(t, err, "is missing")
	require.Equal(t, before, listing(t, folder))
	_, err = small.load(folder, Test)
	require.NoError(t, err)
}

// TestUnusablePaths covers wrong paths and folders.
func TestUnusablePaths(t *testing.T) {
	t.Parallel()
	archive := smallArchive(t, Python)
	dir := t.TempDir()
	plain := write(t, filepath.Join(dir, "plain"), []byte("x"))

	_, _, err := small.extract(filepath.Join(dir, "none.tar.gz"), dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = small.extract(dir, dir)
	require.ErrorContains(t, err, "cifar: folder "+dir+": data missing or incomplete")
	_, _, err = small.extract(archive, plain)
	require.ErrorContains(t, err, plain)
	require.ErrorContains(t, err, "choose a writable folder")

	// A folder of this name with other contents stays.
	taken := filepath.Join(t.TempDir(), "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(taken, Python.Folder()), 0o755))
	write(t, filepath.Join(taken, Python.Folder(), "thesis.doc"), []byte("x"))
	_, _, err = small.extract(archive, taken)
	require.ErrorContains(t, err, `the folder contains a file "thesis.doc" that was not extracted by this program, or has changed since; move the folder away`)
	require.Len(t, listing(t, taken), 2)

	write(t, filepath.Join(dir, Python.Folder()), []byte("x"))
	_, _, err = small.extract(archive, dir)
	require.ErrorIs(t, err, ErrNotOurs)
	require.ErrorContains(t, err, "it is not a folder")
	require.Len(t, listing(t, dir), 2)

	_, err = small.loadArchive(filepath.Join(dir, "none.tar.gz"), Train)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = small.loadArchive(dir, Train)
	require.ErrorContains(t, err, dir)
}
