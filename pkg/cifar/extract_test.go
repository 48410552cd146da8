package cifar

import (
	"os"
	"path/filepath"
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
			require.ErrorContains(t, err, "cifar: folder "+folder+": "+l.batchFile(1)+" is missing")
		})
	}
}

// TestExtractRepairs changes an extracted folder; the next Extract must not trust it.
func TestExtractRepairs(t *testing.T) {
	t.Parallel()
	damage := map[string]func(folder string) error{
		"file missing":   func(folder string) error { return os.Remove(filepath.Join(folder, "data_batch_2")) },
		"file truncated": func(folder string) error { return os.Truncate(filepath.Join(folder, "test_batch"), 10) },
		"no record":      func(folder string) error { return os.Remove(filepath.Join(folder, recordFile)) },
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
		})
	}
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

// TestExtractClearsUp leaves what killed programs would leave: old enough, it goes.
func TestExtractClearsUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, young := filepath.Join(dir, asidePrefix+"old"), filepath.Join(dir, asidePrefix+"young")
	require.NoError(t, os.MkdirAll(filepath.Join(old, "new"), 0o755))
	require.NoError(t, os.Mkdir(young, 0o755))
	ago := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(old, ago, ago))
	_, _, err := small.extract(smallArchive(t, Python), dir)
	require.NoError(t, err)
	require.NoDirExists(t, old)
	require.DirExists(t, young)
}
