package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func text(s string, err error) func(io.Writer) error {
	return func(w io.Writer) error {
		_, werr := io.WriteString(w, s)
		return errors.Join(werr, err)
	}
}

func requireFile(t *testing.T, path, want string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(b))
}

func requireEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, want, names)
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, Write(path, text("one", nil)))
	requireFile(t, path, "one")
	require.NoError(t, Write(path, text("two", nil)))
	requireFile(t, path, "two")
	requireEntries(t, dir, "file")
}

func TestWriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, Write(path, text("one", nil)))
	full := errors.New("no space left on device")
	err := Write(path, text("half of tw", full))
	require.ErrorIs(t, err, full)
	require.EqualError(t, err, "writing "+path+": no space left on device")
	requireFile(t, path, "one")

	other := &fs.PathError{Op: "read", Path: "/else/where", Err: fs.ErrInvalid}
	require.EqualError(t, Write(path, text("x", other)), "writing "+path+": read /else/where: invalid argument")
	missing := filepath.Join(dir, "none", "file")
	require.ErrorIs(t, Write(missing, text("x", nil)), fs.ErrNotExist)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	require.ErrorContains(t, Write(filepath.Join(dir, "folder"), text("x", nil)), "writing "+filepath.Join(dir, "folder"))
	requireEntries(t, dir, "file", "folder")
}

func TestWriteKeepsPermissions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions")
	}
	path := filepath.Join(t.TempDir(), "file")
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o755, 0o444} {
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		require.NoError(t, os.Chmod(path, mode))
		require.NoError(t, Write(path, text("x", nil)))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode())
		require.NoError(t, os.Remove(path))
	}
}

func TestWriteFollowsLinks(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need a privilege on Windows")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.MkdirAll(at("deep/sub"), 0o755))
	require.NoError(t, os.Symlink("deep/sub", at("dir")))
	for _, l := range [][2]string{
		{"to-old", "old"}, {"to-new", "new"}, {"twice", "to-old"}, {"absolute", at("deep/x")}, {"dir/up", "../y"},
	} {
		link, target := l[0], l[1]
		require.NoError(t, os.WriteFile(at("old"), []byte("old"), 0o644))
		require.NoError(t, os.Symlink(target, at(link)))
		require.NoError(t, Write(at(link), text("by "+link, nil)), link)
		info, err := os.Lstat(at(link))
		require.NoError(t, err)
		require.Equal(t, fs.ModeSymlink, info.Mode().Type(), link)
		requireFile(t, at(link), "by "+link)
	}
	requireFile(t, at("new"), "by to-new")
	requireFile(t, at("deep/y"), "by dir/up")
	require.NoError(t, os.Symlink("circle", at("circle")))
	require.ErrorContains(t, Write(at("circle"), text("x", nil)), "too many")
}
