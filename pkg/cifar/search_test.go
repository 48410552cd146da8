package cifar

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFindOther puts into o.Dir what browsers, Keras and people leave there.
func TestFindOther(t *testing.T) {
	t.Parallel()
	o, archive := testOrigins(t)
	binary := pack(t, smallEntries(Binary))
	sum := md5.Sum(binary)
	o.official[Binary] = official{hex.EncodeToString(sum[:]), int64(len(binary))}
	tar, again := tarred(t, smallEntries(Python)), pack(t, append(smallEntries(Python), file("._x", nil)))
	zip := []byte("PK\x03\x04 and so on")
	for _, test := range []struct {
		name   string
		files  map[string][]byte
		want   string // the file that is used; "" for the embedded copy
		layout Layout
		origin string
		says   []string
	}{
		{"downloaded twice", map[string][]byte{"cifar-10-python (1).tar.gz": archive}, "cifar-10-python (1).tar.gz", Python, foundOrigin, nil},
		{"downloaded three times", map[string][]byte{"cifar-10-python (1).tar.gz": archive, "cifar-10-python (2).tar.gz": archive},
			"cifar-10-python (1).tar.gz", Python, foundOrigin, nil},
		{"by Keras", map[string][]byte{"cifar-10-batches-py.tar.gz": archive}, "cifar-10-batches-py.tar.gz", Python, foundOrigin, nil},
		{"binary layout", map[string][]byte{Binary.Archive(): binary}, Binary.Archive(), Binary, foundOrigin, nil},
		{"both layouts, one renamed", map[string][]byte{Binary.Archive(): binary, "CIFAR-10.tgz": archive}, "CIFAR-10.tgz", Python, foundOrigin, nil},
		{"unpacked by the browser", map[string][]byte{"cifar-10-python.tar": tar}, "cifar-10-python.tar", Python, otherOrigin, nil},
		{"packed again", map[string][]byte{Python.Archive(): again}, Python.Archive(), Python, otherOrigin, []string{"has MD5 "}},
		{"a published one and another", map[string][]byte{"cifar-10-python.tar": tar, "cifar.tgz": archive}, "cifar.tgz", Python, foundOrigin, nil},
		{"two that differ", map[string][]byte{"cifar-10-python.tar": tar, "my-cifar.tar.gz": again}, "", Python, embeddedOrigin,
			[]string{"cifar-10-python.tar, ", "my-cifar.tar.gz: not used, because they differ; to use one, set CIFAR10_PATH to its path"}},
		{"three that differ", map[string][]byte{"cifar-10-python.tar": tar, "cifar-padded.tar": append(bytes.Clone(tar), make([]byte, 512)...), "my-cifar.tar.gz": again},
			"", Python, embeddedOrigin, []string{"cifar-10-python.tar, ", "cifar-padded.tar, ", "my-cifar.tar.gz: not used, because they differ"}},
		{"zip", map[string][]byte{"cifar-10-python.zip": zip}, "", Python, embeddedOrigin, []string{"not a gzip file but a zip file", ": not used\n"}},
		{"a bad one and a good one", map[string][]byte{"cifar-10-python.zip": zip, "cifar10.tar": tar}, "cifar10.tar", Python, otherOrigin, []string{"a zip file"}},
		{"incomplete", map[string][]byte{"cifar10.tar": tar[:len(tar)/2]}, "", Python, embeddedOrigin, []string{"cifar10.tar", "file is truncated"}},
		{"notes and a download that goes on", map[string][]byte{"cifar-notes.txt": []byte("buy milk"), "cifar-10-python.tar.gz.part": archive[:100]},
			"", Python, embeddedOrigin, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, data := range test.files {
				write(t, filepath.Join(dir, name), data)
			}
			for range 2 { // the second time from the notes
				var lines bytes.Buffer
				s, err := Find(t.Context(), FindOptions{Dir: dir, Progress: &lines, origin: o})
				require.NoError(t, err)
				require.Equal(t, test.origin, s.Origin)
				require.Equal(t, test.layout, s.Layout)
				if test.want != "" {
					require.Equal(t, filepath.Join(dir, test.want), s.Path)
				}
				for _, text := range test.says {
					require.Contains(t, lines.String(), text)
				}
				if test.says == nil && test.origin != embeddedOrigin {
					require.Empty(t, lines.String())
				}
				_, err = small.open(s, Test)
				require.NoError(t, err)
			}
			for name, data := range test.files {
				left, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err)
				require.Equal(t, data, left)
			}
		})
	}
}

// A folder of the other layout is used too, but not one that Extract has made.
func TestFindOtherFolder(t *testing.T) {
	t.Parallel()
	o, _ := testOrigins(t)
	dir := t.TempDir()
	folder, _, err := small.extract(smallArchive(t, Binary), dir)
	require.NoError(t, err)
	find := func() Source {
		s, err := Find(t.Context(), FindOptions{Dir: dir, origin: o})
		require.NoError(t, err)
		return s
	}
	require.Equal(t, embeddedOrigin, find().Origin)
	require.NoError(t, os.Remove(filepath.Join(folder, recordFile)))
	require.Equal(t, Source{folder, Binary, folderOrigin}, find())
}

// What was found out about a file is remembered until it changes.
func TestFindOtherRemembers(t *testing.T) {
	t.Parallel()
	o, _ := testOrigins(t)
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "cifar10.tar"), tarred(t, smallEntries(Python)))
	find := func() Source {
		s, err := Find(t.Context(), FindOptions{Dir: dir, origin: o})
		require.NoError(t, err)
		return s
	}
	require.Equal(t, Source{path, Python, otherOrigin}, find())
	var note archiveNote
	require.True(t, readJSON(noteFile(path), &note))
	note.Layout, note.Problem = "", "remembered"
	require.NoError(t, writeJSON(noteFile(path), note))
	require.Equal(t, embeddedOrigin, find().Origin, "not read again")
	write(t, path, append(tarred(t, smallEntries(Python)), make([]byte, 512)...))
	require.Equal(t, otherOrigin, find().Origin, "read again")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, os.Remove(noteFile(path)))
	_, err := Find(ctx, FindOptions{Dir: dir, origin: o})
	require.ErrorIs(t, err, context.Canceled)
	require.NoFileExists(t, noteFile(path))
}
