package shapes

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/imagefolder"
)

// files returns the content of all files in a folder.
func files(t *testing.T, folder string) map[string]string {
	all := map[string]string{}
	require.NoError(t, fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(folder, path))
		all[path] = string(data)
		return err
	}))
	return all
}

func TestWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, seed := range map[string]uint64{"a": 1, "b": 1, "c": 2} {
		require.NoError(t, Write(filepath.Join(dir, name), 4, seed))
	}
	a := files(t, filepath.Join(dir, "a"))
	require.Len(t, a, 20)
	require.Equal(t, a, files(t, filepath.Join(dir, "b")))
	require.NotEqual(t, a, files(t, filepath.Join(dir, "c")))
	different := map[string]bool{}
	for _, content := range a {
		different[content] = true
	}
	require.Len(t, different, 20)

	s, err := imagefolder.Load(filepath.Join(dir, "a"))
	require.NoError(t, err)
	require.Equal(t, Classes, s.Classes)
	require.Empty(t, s.Others)

	require.ErrorIs(t, Write(filepath.Join(dir, "a"), 4, 1), ErrExists)
	require.Equal(t, a, files(t, filepath.Join(dir, "a")))
}
