package runner

import (
	"context"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/smalldisk"
)

// fill fills the disk.
func fill(t *testing.T, path string) {
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = io.Copy(f, zeros{})
	require.ErrorIs(t, err, syscall.ENOSPC)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestDiskFull(t *testing.T) {
	smalldisk.Run(t, "64k", func(t *testing.T, dir string) {
		// Full for a while: the run ends as if nothing had happened.
		r, out := newToy(t, goBackend(t), toy{}, dir, eager())
		out.on("step: 5/", func() { fill(t, dir+"/ballast") })
		out.on("step: 9/", func() { require.NoError(t, os.Remove(dir+"/ballast")) })
		require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
		require.Contains(t, out.String(), "[Train] not saved after step 6: ")
		require.Contains(t, out.String(), "no space left on device (training goes on")
		requireSame(t, trainToy(t, goBackend(t), t.TempDir(), toyConfig), lastCheckpoint(t, r))
		requireClean(t, dir)

		// Full to the end: an error, and the run resumes from the checkpoint before.
		dir += "/second"
		r, out = newToy(t, goBackend(t), toy{}, dir, eager())
		out.on("step: 5/", func() { fill(t, dir+"/ballast") })
		err := r.Train(context.Background(), toyTrain(), toyDev())
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorContains(t, err, "saving failed 3 times, 5 of 15 steps are on disk: writing "+dir+"/best.safetensors: no space left on device")
		t.Log(out.String(), err)
		requireClean(t, dir)
		require.NoError(t, os.Remove(dir+"/ballast"))
		requireSame(t, trainToy(t, goBackend(t), t.TempDir(), toyConfig), trainToy(t, goBackend(t), dir, toyConfig))
	})
}

func TestReadOnlyDisk(t *testing.T) {
	smalldisk.Run(t, "64k", func(t *testing.T, dir string) {
		remount := func(flags uintptr) {
			require.NoError(t, syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_BIND|flags, ""))
		}
		r, out := newToy(t, goBackend(t), toy{}, dir+"/run", eager())
		out.on("step: 5/", func() { remount(syscall.MS_RDONLY) })
		err := r.Train(context.Background(), toyTrain(), toyDev())
		require.ErrorIs(t, err, syscall.EROFS)
		require.ErrorContains(t, err, "5 of 15 steps are on disk")
		t.Log(out.String(), err)

		r, _ = newToy(t, goBackend(t), toy{}, dir+"/run", eager())
		err = r.Train(context.Background(), toyTrain(), toyDev())
		require.EqualError(t, err, "runner: the run's folder "+dir+"/run cannot be written to: read-only file system: make it writable or choose another")
		r, _ = newToy(t, goBackend(t), toy{}, dir+"/other", eager())
		require.ErrorIs(t, r.Train(context.Background(), toyTrain(), toyDev()), syscall.EROFS)

		remount(0)
		want := trainToy(t, goBackend(t), t.TempDir(), toyConfig)
		requireSame(t, want, trainToy(t, goBackend(t), dir+"/run", toyConfig))

		remount(syscall.MS_RDONLY) // a complete run can still be shown
		requireSame(t, want, trainToy(t, goBackend(t), dir+"/run", toyConfig))
	})
}
