package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/safetensors"
)

const (
	// keepCheckpoints is the number of checkpoints to keep: if the newest is damaged, the one before it is used.
	keepCheckpoints = 2
	// A run that cannot save at its end makes this many tries, with these pauses. The total is well below the five seconds after
	// which Jupyter kills an interrupted cell.
	saveTries = 3
	savePause = 500 * time.Millisecond
)

// resume loads the newest usable checkpoint, if there is one. It names damaged ones and sets them aside. A checkpoint of another
// run or of another version is an error. Without a checkpoint, training starts from the imported weights, if there are any.
func (t *training) resume() error {
	if err := t.readInitial(); err != nil {
		return err
	}
	paths, err := t.checkpoints()
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	var unusable error
	for i, path := range slices.Backward(paths) {
		err := t.resumeFrom(path)
		if err == nil {
			for _, path := range paths[i+1:] {
				os.Rename(path, path+damagedSuffix) // or it would pass for the newest again
			}
			return nil
		}
		_, system := errors.AsType[syscall.Errno](err) // no permission, or a disk out of reach: the file may be whole
		if system && !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrOtherRun) || errors.Is(err, ErrVersion) {
			return fmt.Errorf("runner: %w", err)
		}
		fmt.Fprintf(t.Out, "(ignoring an unusable checkpoint: %v)\n", err)
		unusable = err
	}
	if unusable != nil {
		return fmt.Errorf("runner: none of the %d checkpoints in %s is usable: delete them to start over; the oldest: %w", len(paths), t.dir, unusable)
	}
	if len(t.History.Steps) > 0 { // this Runner has trained before, and its folder has been emptied
		if err := t.reset(); err != nil {
			return err
		}
	}
	if err := t.checkFreshFolder(); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return t.startFromInitial()
}

// resumeFrom restores the state of one checkpoint.
func (t *training) resumeFrom(path string) error {
	c, err := readCheckpoint(path, true)
	if err != nil {
		return err
	}
	switch {
	case t.initial == nil: // the file has been deleted; the run does not need it any more
		t.id.Initial = c.id.Initial
	case c.id.Initial == "": // imported after the run began, perhaps for another run of this network
		t.id.Initial = ""
		fmt.Fprintf(t.Out, "(%s began with random weights: %s is not used)\n", t.dir, t.initialPath())
	}
	if d := differences(c.id, t.id); d != "" {
		return fmt.Errorf("%s %w (%s); delete it to start over", t.dir, ErrOtherRun, d)
	}
	if err := t.restore(c); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	t.step, t.onDisk, t.restored = c.step, c.step, len(t.state())
	return t.resumeBest(c)
}

// save writes what is not on the disk yet. The best model comes first: no checkpoint may refer to a missing one. If the
// run dies between the two, the run that resumes evaluates again and writes it again.
func (t *training) save() error {
	if err := t.lock.renew(); err != nil {
		return err
	}
	if err := t.writeBest(); err != nil {
		return err
	}
	path := filepath.Join(t.dir, checkpointName(t.step))
	err := withTensors(t.state(), nil, func(ts []safetensors.Tensor) error {
		for _, v := range ts {
			if !isFinite(v) {
				return t.diverged(v.Name+" holds NaN or infinity", t.step-1)
			}
		}
		c := &checkpoint{step: t.step, id: t.id, history: t.History, best: t.bestDigest, tensors: ts}
		return atomicfile.Write(path, c.write)
	})
	if err != nil {
		return err
	}
	t.unsaved, t.onDisk = false, t.step
	t.removeOld()
	return nil
}

// removeOld deletes checkpoints that newer ones have replaced.
func (t *training) removeOld() {
	paths, err := t.checkpoints()
	for len(paths) > keepCheckpoints && err == nil {
		err = os.Remove(paths[0])
		paths = paths[1:]
	}
	if err != nil {
		t.note("[Train] an old checkpoint was not deleted: %v", err)
	}
}

// trySave saves. If that fails, it says why and training goes on: the state is safe in memory, and a later try may succeed. Only
// a state that is not worth saving is an error.
func (t *training) trySave() error {
	err := t.save()
	t.saved = time.Now()
	if err == nil || errors.Is(err, ErrDiverged) {
		return err
	}
	t.note("[Train] not saved after step %d: %v (training goes on, saving is tried again in %v; the last checkpoint is of step %d)",
		t.step, err, t.Config.SaveEvery, t.onDisk)
	return nil
}

// saveOrFail saves at the end of a run or session, when there is no later try.
func (t *training) saveOrFail() error {
	for try := 1; t.unsaved; try++ {
		err := t.save()
		switch {
		case err == nil || errors.Is(err, ErrDiverged):
			return err
		case try == saveTries:
			return fmt.Errorf("runner: saving failed %d times, %d of %d steps are on disk: %w", try, t.onDisk, t.step, err)
		}
		t.note("[Train] not saved after step %d: %v (trying again)", t.step, err)
		time.Sleep(savePause)
	}
	return nil
}

// stop saves and says how to resume.
func (t *training) stop() error {
	if err := t.saveOrFail(); err != nil {
		return err
	}
	t.note("[Train] stopped after step %d of %d and saved in %s; run it again to resume", t.step, t.total, t.dir)
	return ErrStopped
}
