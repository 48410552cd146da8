package cifar

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/smalldisk"
)

// On a full disk neither extracting nor rebuilding leaves anything behind.
func TestDiskFull(t *testing.T) {
	smalldisk.Run(t, "32k", func(t *testing.T, dir string) {
		out := filepath.Join(dir, "out")
		_, _, err := small.extract(smallArchive(t, Python), out)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "choose a writable folder with 200 MB free")
		t.Log(err)
		require.Equal(t, []string{out}, listing(t, dir))

		o, _ := testOrigins(t)
		_, err = Find(t.Context(), FindOptions{Dir: out, origin: o})
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "with 200 MB free")
		t.Log(err)
		require.Equal(t, []string{out, filepath.Join(out, embeddedFolder)}, listing(t, dir))
	})
}
