package regularfile

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("content"), 0o600))
	f, info, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.EqualValues(t, 7, info.Size())
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "content", string(data))
	data, err = Read(path)
	require.NoError(t, err)
	require.Equal(t, "content", string(data))
	data, err = Start(path, 4)
	require.NoError(t, err)
	require.Equal(t, "cont", string(data))
	data, err = Start(path, 100)
	require.NoError(t, err)
	require.Equal(t, "content", string(data))
	sum, err := SHA256(path)
	require.NoError(t, err)
	require.Equal(t, "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", sum)
	require.NoError(t, CheckNew(path))
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	_, _, err := Open("https://example.org/cat.jpg")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "a URL is not read: download the file first")
	dir := t.TempDir()
	_, _, err = Open(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = Open(dir)
	require.ErrorIs(t, err, ErrNotRegular)
	require.EqualError(t, err, dir+" is a directory: not a regular file")
}
