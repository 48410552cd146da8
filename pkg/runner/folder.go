package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/gofrs/flock"

	"nndl.example/resnet18/pkg/internal/regularfile"
)

// folderLock keeps a second run out of a run's folder. The operating system releases it when the process ends, in whatever way.
type folderLock struct {
	dir   string
	lock  *flock.Flock
	taken os.FileInfo // the file that was locked
}

// lockFolder creates the folder if needed and locks it.
func lockFolder(dir string) (*folderLock, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the run's folder: %w", err)
	}
	l := &folderLock{dir: dir, lock: flock.New(filepath.Join(dir, "lock"))}
	if err := regularfile.CheckNew(l.lock.Path()); err != nil {
		return nil, fmt.Errorf("the run's folder %s cannot be locked: %w: move it away", dir, err)
	}
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

// renew makes sure that the folder exists and is still ours: it may have been deleted during the training, and created again by
// a second run.
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

// Only files with names that a run writes are its own. All others in its folder, including copies of its files, are left alone.
var (
	checkpointPattern = regexp.MustCompile(`^checkpoint-(\d{8,})\.safetensors$`)
	temporaryPattern  = regexp.MustCompile(`^\.(checkpoint-\d{8,}|best|initial)\.safetensors-\d+$`)
)

// checkpointName is the name of the checkpoint after a step.
func checkpointName(step int) string { return fmt.Sprintf("checkpoint-%08d.safetensors", step) }

// checkpoints lists the paths of the run's checkpoints, the oldest first. There are none if there is no folder.
func (r *Runner) checkpoints() ([]string, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for checkpoints: %w", err)
	}
	var steps []int
	for _, e := range entries {
		if found := checkpointPattern.FindStringSubmatch(e.Name()); found != nil {
			if step, err := strconv.Atoi(found[1]); err == nil && checkpointName(step) == e.Name() {
				steps = append(steps, step)
			}
		}
	}
	slices.Sort(steps)
	var paths []string
	for _, step := range steps {
		paths = append(paths, filepath.Join(r.dir, checkpointName(step)))
	}
	return paths, nil
}

// removeTemporary deletes the temporary files of a run that was killed while writing. Only the holder of the lock may call it.
func (r *Runner) removeTemporary() {
	entries, _ := os.ReadDir(r.dir)
	for _, e := range entries {
		if temporaryPattern.MatchString(e.Name()) {
			os.Remove(filepath.Join(r.dir, e.Name())) // if that fails, it does no harm
		}
	}
}

// checkWritable reports before the training, not after it, that the folder is not writable.
func checkWritable(dir string) error {
	f, err := os.CreateTemp(dir, "."+checkpointName(0)+"-*")
	if err != nil {
		return fmt.Errorf("the run's folder %s cannot be written to: %w: make it writable or choose another", dir, cause(err))
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// cause drops the temporary file's name, which means nothing to the user.
func cause(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
