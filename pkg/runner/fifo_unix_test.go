//go:build unix

package runner

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/regularfile"
)

// A FIFO under the name of any file in a run's folder is refused, and does not make the program wait for a writer.
func TestFIFO(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"lock", "best.safetensors", "initial.safetensors", "checkpoint-00000008.safetensors", "checkpoint-00000009.safetensors"} {
		t.Run(name, func(t *testing.T) {
			dir, older, _ := stopped(t)
			path := dir + "/" + name
			require.NoError(t, os.RemoveAll(path))
			if name == "checkpoint-00000009.safetensors" {
				require.NoError(t, os.Remove(older))
			}
			require.NoError(t, syscall.Mkfifo(path, 0o600))
			r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
			err := r.Train(context.Background(), toyTrain(), toyDev())
			r.LoadBest()
			r.LoadHistory()
			r.Import(path, false)
			switch name {
			case "checkpoint-00000008.safetensors": // not needed: the newer one is read
				require.NoError(t, err)
			case "best.safetensors": // set aside; the next evaluation's model takes its place
				require.NoError(t, err)
				require.Contains(t, out.String(), path+" is a FIFO: not a regular file")
			default:
				require.ErrorIs(t, err, regularfile.ErrNotRegular)
				require.ErrorContains(t, err, path+" is a FIFO")
			}
		})
	}
}
