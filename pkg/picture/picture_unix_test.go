//go:build unix

package picture

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/regularfile"
)

// Opening a FIFO without a writer or reading a device would block for ever.
func TestSpecialFiles(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	for _, path := range []string{fifo, "/dev/zero"} {
		_, _, err := Load(path)
		require.ErrorIs(t, err, regularfile.ErrNotRegular)
		require.ErrorContains(t, err, path)
	}
}
