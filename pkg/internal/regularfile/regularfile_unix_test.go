//go:build unix

package regularfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A FIFO without a writer blocks whoever opens it.
func TestOpenSpecialFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "link")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Symlink(fifo, link))
	for path, want := range map[string]string{fifo: "is a FIFO", link: "is a FIFO", "/dev/zero": "is a device"} {
		_, _, err := Open(path)
		require.ErrorIs(t, err, ErrNotRegular)
		require.ErrorContains(t, err, path+" "+want)
		_, _, err = open(path) // put there after the check
		require.ErrorIs(t, err, ErrNotRegular)
		_, err = Read(path)
		require.ErrorIs(t, err, ErrNotRegular)
		_, err = Start(path, 4)
		require.ErrorIs(t, err, ErrNotRegular)
		_, err = SHA256(path)
		require.ErrorIs(t, err, ErrNotRegular)
		require.ErrorIs(t, CheckNew(path), ErrNotRegular)
	}
	require.NoError(t, CheckNew(filepath.Join(dir, "none")))
}
