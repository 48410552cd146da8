package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"nndl.example/resnet18/pkg/internal/atomicfile"
)

// folderLock keeps a second run out of a run's folder. The operating system frees it when the process ends,
// in whatever way.
type folderLock struct {
	dir   string
	lock  *flock.Flock
	taken os.FileInfo // the lock file that was locked
}

// lockFolder makes the folder if needed and locks it.
func lockFolder(dir string) (*folderLock, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the run's folder: %w", err)
	}
	l := &folderLock{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	ok, err := l.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("the run's folder %s cannot be locked: %w: make it writable or choose another", dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("another run is training in %s: wait for it, stop it, or choose another folder", dir)
	}
	l.taken, err = os.Stat(l.lock.Path())
	if err != nil {
		l.release()
		return nil, fmt.Errorf("the run's folder %s cannot be locked: %w", dir, err)
	}
	return l, nil
}

// renew makes sure that the folder is there and still ours: somebody may have deleted it while the run was
// training, and a second run may have made it anew.
func (l *folderLock) renew() error {
	info, err := os.Stat(l.lock.Path())
	if err == nil && os.SameFile(info, l.taken) {
		return nil
	}
	again, err := lockFolder(l.dir)
	if err != nil {
		return err
	}
	l.release()
	*l = *again
	return nil
}

func (l *folderLock) release() { l.lock.Close() }

// checkpoints lists the run's checkpoints, the oldest first; none if there is no folder.
func (r *Runner) checkpoints() ([]string, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("looking for checkpoints: %w", err)
	}
	var paths []string
	for _, e := range entries {
		if ok, _ := filepath.Match("checkpoint-*.safetensors", e.Name()); ok {
			paths = append(paths, filepath.Join(r.dir, e.Name()))
		}
	}
	slices.Sort(paths) // the names hold the step with leading zeros
	return paths, nil
}

// removeTemporary deletes what a run that was killed while it wrote has left. Only the lock's holder may.
func (r *Runner) removeTemporary() {
	entries, _ := os.ReadDir(r.dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".checkpoint-") || strings.HasPrefix(e.Name(), "."+bestName+"-") {
			os.Remove(filepath.Join(r.dir, e.Name())) // if it cannot be, it is in nobody's way
		}
	}
}

// checkWritable finds out before an hour's training, rather than after it, that the folder takes no files.
func checkWritable(dir string) error {
	f, err := os.CreateTemp(dir, ".checkpoint-*")
	if err != nil {
		return fmt.Errorf("the run's folder %s cannot be written to: %w: make it writable or choose another", dir, cause(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// WriteAtomically is atomicfile.Write.
func WriteAtomically(path string, write func(io.Writer) error) error {
	return atomicfile.Write(path, write)
}

// cause leaves out the temporary file's name, which says nothing to a reader.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}
