package cifar

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testOrigins returns origins with small archives: an official one, which no server offers yet, and a JPEG copy.
func testOrigins(t testing.TB) (o *origins, archive []byte) {
	archive = pack(t, smallEntries(Python))
	sum := md5.Sum(archive)
	return &origins{
		site:     "http://127.0.0.1:1/", // no server
		official: map[Layout]official{Python: {hex.EncodeToString(sum[:]), int64(len(archive))}},
		stall:    time.Minute,
		jpegs:    pack(t, smallJPEGs(t)),
		reader:   small,
	}, archive
}

func TestFindGiven(t *testing.T) {
	t.Parallel()
	for _, l := range layouts {
		archive := smallArchive(t, l)
		folder := smallFolder(t, l)
		for path, want := range map[string]string{
			archive:               archive,
			filepath.Dir(archive): archive,
			folder:                folder,
			filepath.Dir(folder):  folder,
		} {
			s, err := Find(t.Context(), FindOptions{Path: path, Layout: Binary, Dir: t.TempDir()})
			require.NoError(t, err)
			require.Equal(t, Source{want, l, "given"}, s)
			require.Equal(t, "CIFAR-10 from "+want+" (given, "+string(l)+" layout)", s.String())
		}
	}
	dir := t.TempDir()
	html := write(t, filepath.Join(dir, "page.tar.gz"), []byte("<html>"))
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "data given: stat",
		dir:                        "data missing or incomplete",
		html:                       "a web page (HTML)",
	} {
		_, err := Find(t.Context(), FindOptions{Path: path, Dir: dir})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, path)
	}
	require.Equal(t, []string{html}, listing(t, dir), "after a wrong path it looks nowhere else")
	_, err := Find(t.Context(), FindOptions{Layout: "pickle"})
	require.ErrorContains(t, err, `unknown layout "pickle", want "python" or "binary"`)
}

func TestFindByEnvironment(t *testing.T) {
	archive, other := smallArchive(t, Python), smallArchive(t, Binary)
	t.Setenv(PathVariable, archive)
	s, err := Find(t.Context(), FindOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	require.Equal(t, archive, s.Path)
	s, err = Find(t.Context(), FindOptions{Path: other})
	require.NoError(t, err)
	require.Equal(t, other, s.Path)

	// In a notebook's cell a relative path means the same file as in the terminal.
	t.Setenv("GONB_DIR", filepath.Join(filepath.Dir(archive), "notebooks"))
	t.Setenv(PathVariable, filepath.Base(archive))
	s, err = Find(t.Context(), FindOptions{})
	require.NoError(t, err)
	require.Equal(t, archive, s.Path)
	t.Setenv(PathVariable, "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz")
	_, err = Find(t.Context(), FindOptions{})
	require.ErrorContains(t, err, "CIFAR10_PATH is the URL https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz, want a path: download the file first")

	t.Setenv(PathVariable, archive+"x")
	_, err = Find(t.Context(), FindOptions{})
	require.ErrorContains(t, err, "data given by CIFAR10_PATH: stat")
}

func TestFindSearches(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	dir := filepath.Join(t.TempDir(), "data")
	var lines bytes.Buffer
	find := func() (Source, error) {
		lines.Reset()
		return Find(t.Context(), FindOptions{Dir: dir, Progress: &lines, origin: o})
	}

	// Nothing there: the embedded copy.
	s, err := find()
	require.NoError(t, err)
	embedded := filepath.Join(dir, "embedded", "cifar-10-python.tar.gz")
	require.Equal(t, Source{embedded, Python, "embedded JPEG copy"}, s)
	require.Equal(t, "the embedded JPEG copy of CIFAR-10 (rebuilt as "+embedded+")", s.String())
	require.Contains(t, lines.String(), "rebuilding "+embedded)
	d, err := small.open(s, Train)
	require.NoError(t, err)
	require.Equal(t, "embedded JPEG copy", d.Origin)

	// The second time it is not rebuilt.
	_, err = find()
	require.NoError(t, err)
	require.Empty(t, lines.String())

	// An archive that is not the official one is reported and left alone.
	path := write(t, filepath.Join(dir, Python.Archive()), archive[:1000])
	s, err = find()
	require.NoError(t, err)
	require.Equal(t, embedded, s.Path)
	require.Contains(t, lines.String(), path+" has MD5 ")
	require.Contains(t, lines.String(), "the official archive has "+o.official[Python].md5+"\n")
	require.Contains(t, lines.String(), "file is truncated, perhaps by an interrupted download")
	require.Contains(t, lines.String(), ": not used\n")

	// The official one comes first.
	write(t, path, archive)
	s, err = find()
	require.NoError(t, err)
	require.Equal(t, Source{path, Python, "found"}, s)
	require.Equal(t, "the official CIFAR-10 archive "+path+" (found, MD5 checked)", s.String())
	require.Empty(t, lines.String())
	d, err = small.open(s, Train)
	require.NoError(t, err)
	require.Equal(t, "official archive "+path, d.Origin)
}

// TestFindRemembers shows that archives are hashed again only when they have changed: a wrong digest beside an archive is
// believed until then.
func TestFindRemembers(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	dir := t.TempDir()
	find := func() (Source, string) {
		var lines bytes.Buffer
		s, err := Find(t.Context(), FindOptions{Dir: dir, Progress: &lines, origin: o})
		require.NoError(t, err)
		return s, lines.String()
	}
	touch := func(path string) {
		require.NoError(t, os.Chtimes(path, time.Unix(1e9, 5), time.Unix(1e9, 5)))
	}

	embedded, _ := find()
	var rebuilt rebuiltNote
	require.True(t, readJSON(noteFile(embedded.Path), &rebuilt))
	right := rebuilt.SHA256
	rebuilt.SHA256 = "wrong"
	require.NoError(t, writeJSON(noteFile(embedded.Path), rebuilt))
	_, lines := find()
	require.Empty(t, lines, "not hashed")
	touch(embedded.Path)
	_, lines = find()
	require.Contains(t, lines, "rebuilding", "hashed")
	touch(embedded.Path)
	_, lines = find()
	require.Empty(t, lines, "touched, but the same content")
	require.True(t, readJSON(noteFile(embedded.Path), &rebuilt))
	stamp, err := stampFile(embedded.Path)
	require.NoError(t, err)
	require.Equal(t, stamp, rebuilt.fileStamp, "the new stamp is remembered")
	require.Equal(t, right, rebuilt.SHA256)

	path := write(t, filepath.Join(dir, Python.Archive()), archive)
	s, _ := find()
	require.Equal(t, foundOrigin, s.Origin)
	stamp, err = stampFile(path)
	require.NoError(t, err)
	var note archiveNote
	require.True(t, readJSON(noteFile(path), &note))
	require.Equal(t, archiveNote{MD5: o.official[Python].md5, fileStamp: stamp}, note)
	require.NoError(t, writeJSON(noteFile(path), archiveNote{MD5: "wrong", fileStamp: stamp}))
	_, lines = find()
	require.Contains(t, lines, "has MD5 wrong", "not hashed")
	touch(path)
	s, _ = find()
	require.Equal(t, foundOrigin, s.Origin, "hashed")

	// Another archive of the same size and time is noticed by its change time.
	other := bytes.Clone(archive)
	other[len(other)/2]++
	write(t, path, other)
	touch(path)
	_, lines = find()
	if stamp.ChangeTime != 0 {
		require.Contains(t, lines, "the official archive has "+o.official[Python].md5+"\n")
	}

	// A file of the note's name that is not a note stays.
	theirs := write(t, noteFile(path), []byte("my notes"))
	write(t, path, archive)
	s, _ = find()
	require.Equal(t, foundOrigin, s.Origin)
	text, err := os.ReadFile(theirs)
	require.NoError(t, err)
	require.Equal(t, "my notes", string(text))
}

// TestFindFolder puts a folder of the user's, with other pixels, where Extract would put its own.
func TestFindFolder(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	dir := t.TempDir()
	folder := foreignFolder(t, dir)
	before := contents(t, folder)
	var lines bytes.Buffer
	find := func() Source {
		lines.Reset()
		s, err := Find(t.Context(), FindOptions{Dir: dir, Progress: &lines, origin: o})
		require.NoError(t, err)
		return s
	}
	s := find()
	require.Equal(t, Source{folder, Python, folderOrigin}, s)
	require.Equal(t, "CIFAR-10 from "+folder+" (found folder, python layout)", s.String())
	write(t, filepath.Join(dir, Python.Archive()), archive)
	require.Equal(t, folder, find().Path, "also before the official archive")
	again, members, err := small.extract(s.Path, dir)
	require.NoError(t, err)
	require.Equal(t, folder, again)
	require.Len(t, members, 9)
	require.Equal(t, before, contents(t, folder))

	require.NoError(t, os.Remove(filepath.Join(folder, "data_batch_3")))
	require.Equal(t, foundOrigin, find().Origin)
	require.Contains(t, lines.String(), folder+": data missing or incomplete: data_batch_3 is missing")
	require.Contains(t, lines.String(), ": not used\n")

	// A folder that Extract has made is not a source: the archive that it came from is.
	require.NoError(t, os.RemoveAll(folder))
	_, _, err = small.extract(find().Path, dir)
	require.NoError(t, err)
	require.Equal(t, foundOrigin, find().Origin)
	require.Empty(t, lines.String())
}

func TestFindStops(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	_, err := Find(ctx, FindOptions{Dir: dir, Download: true, origin: o})
	require.ErrorIs(t, err, context.Canceled)
	_, err = Find(ctx, FindOptions{Dir: dir, origin: o})
	require.ErrorIs(t, err, context.Canceled)
	write(t, filepath.Join(dir, Python.Archive()), archive)
	_, err = Find(ctx, FindOptions{Dir: dir, origin: o})
	require.ErrorIs(t, err, context.Canceled)

	plain := write(t, filepath.Join(dir, "plain"), []byte("x"))
	_, err = Find(t.Context(), FindOptions{Dir: plain, origin: o})
	require.ErrorContains(t, err, plain)
	require.ErrorContains(t, err, "choose a writable folder")
}

// TestRebuild checks a rebuilt archive, and that the same copy always gives the same bytes.
func TestRebuild(t *testing.T) {
	t.Parallel()
	o, _ := testOrigins(t)
	for _, l := range layouts {
		var lines bytes.Buffer
		dir := t.TempDir()
		path, err := small.rebuild(t.Context(), o.jpegs, l, dir, &lines)
		require.NoError(t, err)
		first, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Len(t, listing(t, dir), 3, "folder, archive, note")

		_, members, err := small.extract(path, t.TempDir())
		require.NoError(t, err)
		var names []string
		for _, m := range members {
			names = append(names, strings.TrimPrefix(m.Name, l.Folder()+"/"))
		}
		require.Equal(t, append([]string{""}, l.order()...), names)
		d, err := small.loadArchive(path, Dev)
		require.NoError(t, err)
		require.Equal(t, []uint16{8, 9}, d.Labels)

		for name, damage := range map[string]func() error{
			"truncated":  func() error { return os.Truncate(path, int64(len(first))-1) },
			"flipped":    func() error { return os.WriteFile(path, append(first[:len(first)-1:len(first)-1], 'x'), 0o644) },
			"missing":    func() error { return os.Remove(path) },
			"no note":    func() error { return os.Remove(noteFile(path)) },
			"other note": func() error { return os.WriteFile(noteFile(path), []byte(`{"From":"x"}`), 0o644) },
			"bad note":   func() error { return os.WriteFile(noteFile(path), nil, 0o644) },
		} {
			require.NoError(t, damage())
			lines.Reset()
			_, err := small.rebuild(t.Context(), o.jpegs, l, dir, &lines)
			require.NoError(t, err)
			require.Contains(t, lines.String(), "rebuilding", name)
			again, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, bytes.Equal(first, again), name)
		}
	}
}

func TestBadJPEGCopy(t *testing.T) {
	t.Parallel()
	jpegs := smallJPEGs(t)
	grey := []byte(jpegs[3].data)
	for name, test := range map[string]struct {
		copy []byte
		want string
	}{
		"not gzip":       {[]byte("hello, hello"), "JPEG copy: corrupt data: not a gzipped tar archive"},
		"truncated":      {pack(t, jpegs)[:1000], "JPEG copy: "},
		"tar truncated":  {gzipped(tarred(t, jpegs)[:5000]), "file is truncated"},
		"image missing":  {pack(t, jpegs[:11]), "11 images, want 12"},
		"image too many": {pack(t, append(jpegs[:12:12], jpegs[11])), `member "test/00001_automobile.jpg" out of order, want "test/00002_automobile.jpg"`},
		"unknown class":  {pack(t, replaced(smallJPEGs(t)[1:], file("train/00000_cow.jpg", grey))), "out of order"},
		"wrong order":    {pack(t, jpegs[1:]), `member "train/00001_automobile.jpg" out of order, want "train/00000_automobile.jpg"`},
		"no JPEG":        {pack(t, replaced(smallJPEGs(t), file("train/00003_cat.jpg", []byte("x")))), "JPEG copy: corrupt data: 00003_cat: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := small.rebuild(t.Context(), test.copy, Python, dir, &bytes.Buffer{})
			require.ErrorContains(t, err, test.want)
			require.Equal(t, []string{filepath.Join(dir, "embedded")}, listing(t, dir))
		})
	}
}
