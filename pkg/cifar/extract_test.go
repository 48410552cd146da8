package cifar

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestExtract(t *testing.T) {
	t.Parallel()
	for _, l := range layouts {
		t.Run(string(l), func(t *testing.T) {
			t.Parallel()
			archive, dir := smallArchive(t, l), filepath.Join(t.TempDir(), "new", "folder")
			folder, members, err := small.extract(archive, dir)
			require.NoError(t, err)
			require.Equal(t, filepath.Join(dir, l.Folder()), folder)

			require.Equal(t, Member{l.Folder() + "/", 0}, members[0])
			for i, name := range l.order() {
				require.Equal(t, Member{l.Folder() + "/" + name, int64(len(smallFile(l, name)))}, members[i+1])
				data, err := os.ReadFile(filepath.Join(folder, name))
				require.NoError(t, err)
				require.Equal(t, smallFile(l, name), data)
			}
			info, err := os.Stat(folder)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o755), info.Mode().Perm()&0o755)
			require.Len(t, listing(t, dir), 1+len(members), "nothing else: %v", listing(t, dir)) // with the record

			// The second time, nothing is written.
			batch := filepath.Join(folder, l.batchFile(1))
			long := time.Unix(1e9, 0)
			require.NoError(t, os.Chtimes(batch, long, long))
			again, same, err := small.extract(archive, dir)
			require.NoError(t, err)
			require.Equal(t, folder, again)
			require.Equal(t, members, same)
			info, err = os.Stat(batch)
			require.NoError(t, err)
			require.True(t, info.ModTime().Equal(long))

			// Nor from the folder itself, with and without what Extract and the archive add to the data.
			elsewhere := filepath.Join(t.TempDir(), "none")
			again, same, err = small.extract(folder, elsewhere)
			require.NoError(t, err)
			require.Equal(t, folder, again)
			require.Equal(t, members, same)
			require.NoDirExists(t, elsewhere)
			require.NoError(t, os.Remove(filepath.Join(folder, recordFile)))
			require.NoError(t, os.Remove(filepath.Join(folder, readmeFile)))
			_, same, err = small.extract(folder, elsewhere)
			require.NoError(t, err)
			require.Len(t, same, len(members)-1)
			require.NoError(t, os.Remove(batch))
			_, _, err = small.extract(folder, elsewhere)
			require.ErrorContains(t, err, "cifar: folder "+folder+": data missing or incomplete: "+l.batchFile(1)+" is missing")
			require.ErrorIs(t, err, ErrNotFound)
		})
	}
}

// TestExtractRepairs changes an extracted folder; the next Extract must not trust it.
func TestExtractRepairs(t *testing.T) {
	t.Parallel()
	damage := map[string]func(folder string) error{
		"file missing":   func(folder string) error { return os.Remove(filepath.Join(folder, "data_batch_2")) },
		"record damaged": func(folder string) error { return os.WriteFile(filepath.Join(folder, recordFile), []byte("{"), 0o644) },
		"record foreign": func(folder string) error {
			text := `{"Members":[{"Name":"cifar-10-batches-py/../../../etc/passwd"}]}`
			return os.WriteFile(filepath.Join(folder, recordFile), []byte(text), 0o644)
		},
		"record of one file": func(folder string) error {
			text := `{"Members":[{"Name":"cifar-10-batches-py/"}]}`
			return os.WriteFile(filepath.Join(folder, recordFile), []byte(text), 0o644)
		},
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, dir := smallArchive(t, Python), t.TempDir()
			folder, members, err := small.extract(archive, dir)
			require.NoError(t, err)
			require.NoError(t, do(folder))
			_, again, err := small.extract(archive, dir)
			require.NoError(t, err)
			require.Equal(t, members, again)
			_, err = small.load(folder, Test)
			require.NoError(t, err)
			require.Len(t, listing(t, dir), 1+len(members))
			_, ok := readRecord(Python, folder)
			require.True(t, ok)
		})
	}
}

// foreignFolder makes a complete folder with other pixels than smallFolder, as a user may have put it into dir.
func foreignFolder(t testing.TB, dir string) string {
	folder := filepath.Join(dir, Python.Folder())
	require.NoError(t, os.Mkdir(folder, 0o755))
	for _, name := range Python.order() {
		data := smallFile(Python, name)
		if Python.batchID(name) != 0 {
			data[len(data)/2] ^= 1
		}
		write(t, filepath.Join(folder, name), data)
	}
	return folder
}

// contents returns the files of a folder by name.
func contents(t testing.TB, folder string) map[string]string {
	files := map[string]string{}
	for _, path := range listing(t, folder) {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files[filepath.Base(path)] = string(data)
	}
	return files
}

// TestExtractKeepsForeignFolder extracts to where a folder is that Extract has not made, or that somebody has changed: it is
// an error, and every file stays as it is.
func TestExtractKeepsForeignFolder(t *testing.T) {
	t.Parallel()
	other := pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/readme.html", []byte("another readme"))))
	for name, test := range map[string]struct {
		prepare func(t *testing.T, folder string) // changes an extracted folder
		file    string                            // that the error names
	}{
		"other pixels, no record": {func(t *testing.T, folder string) {
			require.NoError(t, os.RemoveAll(folder))
			foreignFolder(t, filepath.Dir(folder))
		}, "data_batch_1"},
		"other pixels, our record": {func(t *testing.T, folder string) {
			record := contents(t, folder)[recordFile]
			require.NoError(t, os.RemoveAll(folder))
			foreignFolder(t, filepath.Dir(folder))
			write(t, filepath.Join(folder, recordFile), []byte(record))
		}, "data_batch_1"},
		"other pixels, our record and times": {func(t *testing.T, folder string) {
			path := filepath.Join(folder, "data_batch_4")
			info, err := os.Stat(path)
			require.NoError(t, err)
			data := smallFile(Python, "data_batch_4")
			data[len(data)/2] ^= 1
			write(t, path, data)
			require.NoError(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, "data_batch_4"},
		"a record of an earlier version": {func(t *testing.T, folder string) {
			rec, ok := readRecord(Python, folder)
			require.True(t, ok)
			require.NoError(t, os.RemoveAll(folder))
			foreignFolder(t, filepath.Dir(folder))
			rec.Files = nil
			require.NoError(t, writeJSON(filepath.Join(folder, recordFile), rec))
		}, "data_batch_1"},
		"file truncated": {func(t *testing.T, folder string) {
			require.NoError(t, os.Truncate(filepath.Join(folder, "test_batch"), 10))
		}, "test_batch"},
		"file added": {func(t *testing.T, folder string) {
			write(t, filepath.Join(folder, "thesis.doc"), []byte("x"))
		}, "thesis.doc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, dir := smallArchive(t, Python), t.TempDir()
			folder, _, err := small.extract(archive, dir)
			require.NoError(t, err)
			test.prepare(t, folder)
			before := contents(t, folder)
			archives := []string{archive, write(t, filepath.Join(t.TempDir(), "other.tar.gz"), other)}
			if stamp, err := stampFile(archive); err == nil && stamp.ChangeTime == 0 || test.file == "thesis.doc" {
				archives = archives[1:] // the record fits, so there is nothing to do for the first
			}
			for _, archive := range archives {
				_, _, err = small.extract(archive, dir)
				require.ErrorIs(t, err, ErrNotOurs)
				require.ErrorContains(t, err, "cifar: extract to "+folder+`: the folder contains a file "`+test.file+`"`)
				require.Equal(t, before, contents(t, folder))
				require.Len(t, listing(t, dir), 1+len(before), "no temporary folder stays")
			}
		})
	}
}

// TestExtractSameFiles extracts an archive to where its files are already: unpacked with tar, touched, or with a record of an
// earlier version.
func TestExtractSameFiles(t *testing.T) {
	t.Parallel()
	archive, dir := smallArchive(t, Python), t.TempDir()
	folder, members, err := small.extract(archive, dir)
	require.NoError(t, err)
	extract := func() {
		t.Helper()
		again, same, err := small.extract(archive, dir)
		require.NoError(t, err)
		require.Equal(t, folder, again)
		require.Equal(t, members, same)
	}
	batch, old := filepath.Join(folder, "data_batch_1"), time.Unix(1e9, 0)
	touch := func() { require.NoError(t, os.Chtimes(batch, old, old)) }
	kept := func() bool { // else the folder was replaced
		info, err := os.Stat(batch)
		require.NoError(t, err)
		return info.ModTime().Equal(old)
	}

	touch()
	extract()
	require.True(t, kept())
	rec, ok := readRecord(Python, folder)
	require.True(t, ok)
	stamp, err := stampFile(batch)
	require.NoError(t, err)
	require.Equal(t, stamp, rec.Files["data_batch_1"].fileStamp, "the new stamp is remembered")

	readme := filepath.Join(folder, readmeFile)
	require.NoError(t, os.Rename(readme, readme+".away"))
	_, ok = extracted(Python, folder, rec.Archive)
	require.True(t, ok, "a missing readme is no reason to unpack again")
	require.NoError(t, os.Rename(readme+".away", readme))

	rec.Files = nil
	require.NoError(t, writeJSON(filepath.Join(folder, recordFile), rec))
	extract()
	require.True(t, kept())
	rec, ok = readRecord(Python, folder)
	require.True(t, ok)
	names, touched := rec.changed(folder)
	require.Empty(t, names)
	require.False(t, touched)

	require.NoError(t, os.Remove(filepath.Join(folder, recordFile)))
	extract()
	require.True(t, kept())
	require.NoFileExists(t, filepath.Join(folder, recordFile), "nothing is added to a folder of the user's")
	require.NoError(t, os.Remove(filepath.Join(folder, readmeFile)))
	extract()
	require.Len(t, listing(t, folder), 7)
}

func TestExtractAnotherArchive(t *testing.T) {
	t.Parallel()
	folder := smallFolder(t, Python)
	before, err := small.load(folder, Test)
	require.NoError(t, err)

	data := smallFile(Python, "test_batch")
	data[2000]++
	other := pack(t, replaced(smallEntries(Python), file("cifar-10-batches-py/test_batch", data)))
	_, _, err = small.extract(write(t, filepath.Join(t.TempDir(), "other.tar.gz"), other), filepath.Dir(folder))
	require.NoError(t, err)
	after, err := small.load(folder, Test)
	require.NoError(t, err)
	require.NotEqual(t, before.Fingerprint(), after.Fingerprint())
}

// Plain tar files of the same size end in the same bytes.
func TestExtractAnotherTar(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := smallFile(Python, "test_batch")
	data[2000]++
	var found []string
	for _, es := range [][]entry{smallEntries(Python), replaced(smallEntries(Python), file("cifar-10-batches-py/test_batch", data))} {
		folder, _, err := small.extract(write(t, filepath.Join(t.TempDir(), "cifar.tar"), tarred(t, es)), dir)
		require.NoError(t, err)
		d, err := small.load(folder, Test)
		require.NoError(t, err)
		found = append(found, d.Fingerprint())
	}
	require.NotEqual(t, found[0], found[1])
}

// TestExtractTogether lets several programs extract to the same place.
func TestExtractTogether(t *testing.T) {
	t.Parallel()
	archive, dir := smallArchive(t, Binary), t.TempDir()
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, _, errs[i] = small.extract(archive, dir) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, listing(t, dir), 1+len(smallEntries(Binary)))
}

// TestStaleAside checks which temporary folders are removed: those of earlier versions after an hour, those with a lock when
// nobody holds it, and none that contains anything else.
func TestStaleAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	make := func(name string, old bool, files ...string) {
		path := filepath.Join(dir, asidePrefix+name)
		require.NoError(t, os.MkdirAll(filepath.Join(path, asideNew), 0o755))
		for _, f := range files {
			write(t, filepath.Join(path, f), []byte("x"))
		}
		if old {
			ago := time.Now().Add(-2 * time.Hour)
			require.NoError(t, os.Chtimes(path, ago, ago))
		}
	}
	make("earlier", true, "new/data_batch_1")
	make("earlier-rebuild", true, "cifar-10-python.tar.gz.part", "note")
	make("earlier-young", false, "new/data_batch_1")
	make("dead", false, asideLock, "new/data_batch_1", "new/"+recordFile)
	make("theirs", true, asideLock, "thesis.doc")
	make("theirs-deeper", true, asideLock, "new/thesis.doc")
	write(t, filepath.Join(dir, asidePrefix+"file"), nil)
	alive, err := newAside(dir)
	require.NoError(t, err)
	defer alive.remove()

	_, _, err = small.extract(smallArchive(t, Python), dir)
	require.NoError(t, err)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		if e.Name() != filepath.Base(alive.dir) {
			names = append(names, strings.TrimPrefix(e.Name(), asidePrefix))
		}
	}
	require.Equal(t, []string{"earlier-young", "file", "theirs", "theirs-deeper", Python.Folder()}, names)
	require.DirExists(t, alive.dir)
}

// TestKilled kills a process that has begun to extract and to rebuild. What it leaves is gone after the next Find.
func TestKilled(t *testing.T) {
	const inside = "CIFAR_TEST_KILLED"
	if dir := os.Getenv(inside); dir != "" {
		for _, dir := range []string{dir, filepath.Join(dir, embeddedFolder)} {
			a, err := newAside(dir)
			require.NoError(t, err)
			require.NoError(t, os.Mkdir(a.path(asideNew), 0o755))
			write(t, filepath.Join(a.path(asideNew), "test_batch"), []byte("x"))
			write(t, a.path(Python.Archive()+".part"), []byte("x"))
		}
		self, err := os.FindProcess(os.Getpid())
		require.NoError(t, err)
		require.NoError(t, self.Kill())
		select {}
	}
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	o, archive := testOrigins(t)
	for _, official := range []bool{false, true} { // with the official archive nothing is rebuilt
		dir := t.TempDir()
		cmd := exec.Command(self, "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), inside+"="+dir)
		require.Error(t, cmd.Run())
		left, err := filepath.Glob(filepath.Join(dir, "*", asidePrefix+"*"))
		require.NoError(t, err)
		require.Len(t, left, 1)
		want := filepath.Join(dir, embeddedFolder, Python.Archive())
		if official {
			want = write(t, filepath.Join(dir, Python.Archive()), archive)
		}
		s, err := Find(t.Context(), FindOptions{Dir: dir, origin: o})
		require.NoError(t, err)
		require.Equal(t, want, s.Path)
		require.ElementsMatch(t, []string{filepath.Join(dir, embeddedFolder), want, noteFile(want)}, listing(t, dir))
	}
}

// An incomplete folder without a record is completed if nothing in it is lost.
func TestExtractCompletes(t *testing.T) {
	t.Parallel()
	archive, dir := smallArchive(t, Python), t.TempDir()
	folder, members, err := small.extract(archive, dir)
	require.NoError(t, err)
	require.NoError(t, os.Remove(filepath.Join(folder, recordFile)))
	require.NoError(t, os.Remove(filepath.Join(folder, "data_batch_2")))
	_, again, err := small.extract(archive, dir)
	require.NoError(t, err)
	require.Equal(t, members, again)
	_, err = small.load(folder, Train)
	require.NoError(t, err)
}
