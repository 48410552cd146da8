package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"nndl.example/resnet18/pkg/safetensors"
)

const (
	// keepCheckpoints is how many checkpoints stay: if the newest is damaged, the one before it serves.
	keepCheckpoints = 2
	// At its end a run waits this often and this long for a place to save. The sum is well below the five seconds
	// after which Jupyter kills an interrupted cell.
	saveTries = 3
	savePause = 500 * time.Millisecond
)

// resume loads the newest readable checkpoint, if there is one. A damaged one is named and set aside;
// one of another run is an error.
func (t *training) resume() error {
	paths, err := t.checkpoints()
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	for i, path := range slices.Backward(paths) {
		c, err := readCheckpoint(path)
		if err == nil {
			if d := c.id.differs(t.id); d != "" {
				return fmt.Errorf("runner: %s was made by another run (%s): choose another folder, or delete this one to train anew", path, d)
			}
			if err = t.restore(c); err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
		}
		if err != nil {
			fmt.Fprintf(t.Out, "(passing over a checkpoint that cannot be used: %v)\n", err)
			continue
		}
		for _, unusable := range paths[i+1:] {
			os.Rename(unusable, unusable+".damaged") // or it would pass for the newest again
		}
		t.step, t.onDisk, t.restored = c.step, c.step, len(t.state())
		t.best, _ = os.ReadFile(t.BestPath()) // replay says if it is missing
		t.bestOK = true
		return nil
	}
	if len(paths) > 0 {
		return fmt.Errorf("runner: none of the %d checkpoints in %s can be used: delete them to train from the start", len(paths), t.dir)
	}
	if len(t.History.Steps) > 0 {
		return t.reset() // this Runner has trained before, and somebody has emptied its folder
	}
	return nil
}

// save writes what is not on the disk yet. The best model comes first: a checkpoint that counts it must not
// be without it. If the run dies between the two, the run that goes on evaluates again and writes it again.
func (t *training) save() error {
	if err := t.lock.renew(); err != nil {
		return err
	}
	if _, err := os.Stat(t.BestPath()); t.best != nil && (!t.bestOK || errors.Is(err, os.ErrNotExist)) {
		if err := WriteAtomically(t.BestPath(), func(w io.Writer) error { _, err := w.Write(t.best); return err }); err != nil {
			return err
		}
		t.bestOK = true
	}
	path := filepath.Join(t.dir, fmt.Sprintf("checkpoint-%08d.safetensors", t.step))
	err := withTensors(t.state(), nil, func(ts []safetensors.Tensor) error {
		for _, v := range ts {
			if !isFinite(v) {
				return t.diverged(v.Name+" holds NaN or infinity", t.step-1)
			}
		}
		c := &checkpoint{t.step, t.id, t.History, ts}
		return WriteAtomically(path, c.write)
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
		t.note("[Train] an old checkpoint stays: %v", err)
	}
}

// keepBest holds the present weights as the best model, to be written by the next save.
func (t *training) keepBest() error {
	size := 1 << 16 // the header
	for _, p := range t.model.Params() {
		size += 4 * p.Size()
	}
	var b bytes.Buffer
	b.Grow(size) // growing step by step would take twice the memory
	if err := t.writeModel(&b); err != nil {
		return err
	}
	t.best, t.bestOK = b.Bytes(), false
	return nil
}

// trySave saves. If that fails it says why and lets the training go on: the state is safe in memory, and a
// later try may find room. Only a state that is not worth saving is an error.
func (t *training) trySave() error {
	err := t.save()
	t.saved = time.Now()
	if err == nil || errors.Is(err, errDiverged) {
		return err
	}
	t.note("[Train] not saved after step %d: %v (training goes on and saving is tried again in %v; the last checkpoint is of step %d)",
		t.step, err, t.Config.SaveEvery, t.onDisk)
	return nil
}

// saveOrFail saves at the end of a run or session, when there is no later try.
func (t *training) saveOrFail() error {
	for try := 1; t.unsaved; try++ {
		err := t.save()
		switch {
		case err == nil || errors.Is(err, errDiverged):
			return err
		case try == saveTries:
			return fmt.Errorf("runner: saving failed %d times, %d of %d steps are on the disk: %w", try, t.onDisk, t.step, err)
		}
		t.note("[Train] not saved after step %d: %v (trying again)", t.step, err)
		time.Sleep(savePause)
	}
	return nil
}

// stop saves and says how to go on.
func (t *training) stop() error {
	if err := t.saveOrFail(); err != nil {
		return err
	}
	t.note("[Train] stopped after step %d of %d and saved in %s; run it again to go on", t.step, t.total, t.dir)
	return ErrStopped
}
