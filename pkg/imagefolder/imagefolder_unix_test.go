//go:build unix

package imagefolder

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Links to pictures and folders are followed, but a loop ends. Files that would block are not opened.
func TestLinks(t *testing.T) {
	t.Parallel()
	real := folder(t, "a/%d.png:3", "one.png")
	dir := folder(t, "b/%d.png:3")
	require.NoError(t, os.Symlink(filepath.Join(real, "a"), filepath.Join(dir, "a")))
	require.NoError(t, os.Symlink(filepath.Join(real, "one.png"), filepath.Join(dir, "b", "link.png")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "b", "pipe"), 0o600))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "b", "dead")))
	s, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, [3]int{3, 2, 2}, sizes(s))
	require.Equal(t, []string{"b/dead", "b/pipe"}, s.Others)

	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "b", "pipe.png"), 0o600))
	_, err = Load(dir)
	require.ErrorIs(t, err, ErrPicture)
	require.ErrorContains(t, err, "pipe.png is a FIFO")
	require.NoError(t, os.Remove(filepath.Join(dir, "b", "pipe.png")))

	require.NoError(t, os.Symlink("..", filepath.Join(dir, "b", "up")))
	_, err = Load(dir)
	require.ErrorIs(t, err, ErrLayout)
	require.ErrorContains(t, err, "nested more than 8 deep")
}
