package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// /dev/stdout leads to /proc/self/fd/1, which may be a regular file without a name.
func TestWriteOpenFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "file"))
	require.NoError(t, err)
	defer f.Close()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), link))
	require.NoError(t, Write(link, text("one", nil)))
	requireFile(t, f.Name(), "one")
	require.NoError(t, os.Remove(f.Name()))
	require.NoError(t, Write(link, text("two", nil)))
	b := make([]byte, 3)
	_, err = f.ReadAt(b, 0)
	require.NoError(t, err)
	require.Equal(t, "two", string(b))
	requireEntries(t, dir, "link")
}

func TestWriteFullDevice(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, Write("/dev/full", text("x", nil)), syscall.ENOSPC)
	info, err := os.Stat("/dev/full")
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())
}
