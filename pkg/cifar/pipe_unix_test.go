//go:build unix

package cifar

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A named pipe, which would wait for a writer if it were opened, is refused.
func TestPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, Python.Archive())
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, _, err := small.extract(pipe, dir)
	require.ErrorContains(t, err, pipe+" is a FIFO: not a regular file")
	_, err = small.loadArchive(pipe, Train)
	require.ErrorContains(t, err, pipe+" is a FIFO: not a regular file")
	_, err = Find(t.Context(), FindOptions{Path: pipe})
	require.ErrorContains(t, err, pipe+" is a FIFO: not a regular file")
	o, _ := testOrigins(t)
	s, err := Find(t.Context(), FindOptions{Dir: dir, origin: o})
	require.NoError(t, err)
	require.Equal(t, embeddedOrigin, s.Origin)

	require.NoError(t, os.Remove(pipe))
	require.NoError(t, syscall.Mkfifo(pipe+".part", 0o600))
	var lines bytes.Buffer
	_, err = Find(t.Context(), FindOptions{Dir: dir, Download: true, Progress: &lines, origin: o})
	require.NoError(t, err)
	require.Contains(t, lines.String(), pipe+".part is a FIFO: not a regular file")

	folder := smallFolder(t, Python)
	require.NoError(t, os.Remove(filepath.Join(folder, "test_batch")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(folder, "test_batch"), 0o600))
	_, err = small.load(folder, Test)
	require.ErrorContains(t, err, "test_batch is a FIFO: not a regular file")
	_, _, err = small.extract(smallArchive(t, Python), filepath.Dir(folder))
	require.ErrorIs(t, err, ErrNotOurs)
}
