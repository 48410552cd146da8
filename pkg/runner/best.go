package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/internal/regularfile"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

// LoadBest sets the weights and running statistics from the run's best model, or, before any training, from the imported weights.
// It returns ErrCorrupt if the file is damaged, ErrOtherRun if another run wrote it, and fs.ErrNotExist if there is no model.
func (r *Runner) LoadBest() error {
	c, err := r.newestMetadata() // before the best model: a run that is training meanwhile writes that one first
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	path := r.BestPath()
	if _, err := os.Stat(path); c == nil && errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(r.initialPath()); err == nil {
			path = r.initialPath()
		}
	}
	f, err := openOwn(path)
	if err != nil {
		return fmt.Errorf("runner: loading the best model: %w", err)
	}
	defer f.Close()
	if c != nil && c.version == version1 && f.Metadata[digestKey] == "" {
		fmt.Fprintf(r.Out, "(%s was written by a version without digests: it cannot be checked)\n", path)
	} else if err := checkBest(f, c); err != nil {
		return fmt.Errorf("runner: %s: %w", path, err)
	}
	a, err := readAbout(f)
	if err == nil {
		err = nn.ReadWeights(f, r.store, r.model.Params())
	}
	if err != nil {
		return fmt.Errorf("runner: %s: %w", path, err)
	}
	r.loadedFrom, r.about = path, a
	return nil
}

// newestMetadata returns the metadata of the newest readable checkpoint, or nil if there is none.
func (r *Runner) newestMetadata() (*checkpoint, error) {
	paths, err := r.checkpoints()
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Backward(paths) {
		f, err := openOwn(path)
		if err != nil {
			continue // Train says so
		}
		c, err := parseMetadata(f.Metadata)
		f.Close()
		switch {
		case errors.Is(err, ErrVersion):
			return nil, fmt.Errorf("%s: %w", path, err)
		case err == nil:
			return c, nil
		}
	}
	return nil, nil
}

// checkBest checks that the file of a best model is undamaged, belongs to the checkpoint's run and is the best model that the
// checkpoint records. The checkpoint may be nil. The model may be newer than the checkpoint: a run that dies between writing the
// two leaves it so.
func checkBest(f *safetensors.File, c *checkpoint) error {
	if err := checkDigest(f); err != nil {
		return err
	}
	if c == nil || c.version == version1 {
		return nil
	}
	if f.Metadata["run"] != c.run {
		return fmt.Errorf("%w than the checkpoints beside it", ErrOtherRun)
	}
	step, err := strconv.Atoi(f.Metadata["step"])
	if err != nil || f.Metadata[digestKey] != c.best && step < c.step {
		return fmt.Errorf("%w: it is the model after step %.20s, which is not the best that the checkpoint after step %d records",
			ErrCorrupt, f.Metadata["step"], c.step)
	}
	return nil
}

// checkFreshFolder makes sure that a run without checkpoints does not overwrite another run's model. It may overwrite its own: a
// run that dies before its first checkpoint leaves one.
func (t *training) checkFreshFolder() error {
	f, err := openOwn(t.BestPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%w; move it away", err)
	}
	defer f.Close()
	id, err := t.id.text()
	if err == nil && f.Metadata["run"] != runDigest(id) {
		err = fmt.Errorf("%s %w, and there are no checkpoints: move it away, or import it to start from it", t.BestPath(), ErrOtherRun)
	}
	return err
}

// keepBest holds the current weights as the best model. The next save writes them.
func (t *training) keepBest() error {
	id, err := t.id.text()
	if err != nil {
		return err
	}
	more := map[string]string{"run": runDigest(id), "step": strconv.Itoa(t.step)}
	if t.train.Classes != nil {
		more[dataKey] = t.id.Data
	}
	file, err := t.modelFile(more)
	if err != nil {
		return fmt.Errorf("runner: best model: %w", err)
	}
	return t.holdBest(file, false)
}

// holdBest keeps a file in memory as the best model.
func (t *training) holdBest(file []byte, onDisk bool) error {
	f, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return fmt.Errorf("runner: best model: %w", err)
	}
	t.best, t.bestOK, t.bestDigest = file, onDisk, f.Metadata[digestKey]
	return nil
}

// resumeBest reads the best model of the run that a checkpoint is of. If it is lost, lostBest says why.
func (t *training) resumeBest(c *checkpoint) error {
	file, err := t.readBest(c)
	switch {
	case err == nil:
		return t.holdBest(file, c.version != version1)
	case errors.Is(err, fs.ErrNotExist) && c.best == "" && c.history.Best == 0:
		return nil // none yet
	}
	t.lostBest, t.bestDigest = err, c.best // the next checkpoint still knows the file, which may come back
	return nil
}

// readBest reads the best model's file and checks it. One of version 1, which has no digest, gets it.
func (t *training) readBest(c *checkpoint) ([]byte, error) {
	f, err := openOwn(t.BestPath())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if c.version == version1 && f.Metadata[digestKey] == "" {
		return t.withDigest(f, c.step)
	}
	if err := checkBest(f, c); err != nil {
		return nil, fmt.Errorf("%s: %w", t.BestPath(), err)
	}
	return regularfile.Read(t.BestPath())
}

// withDigest returns the file of a best model of version 1 with the metadata of today's.
func (t *training) withDigest(f *safetensors.File, step int) ([]byte, error) {
	id, err := t.id.text()
	if err != nil {
		return nil, err
	}
	var ts []safetensors.Tensor
	for _, name := range f.Names() {
		tensor, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		ts = append(ts, tensor)
	}
	metadata := map[string]string{"format": "pt", "model": t.model.String(), "run": runDigest(id), "step": strconv.Itoa(step)}
	metadata[digestKey] = digest(metadata, ts)
	var b bytes.Buffer
	err = safetensors.Write(&b, ts, metadata)
	return b.Bytes(), err
}

// writeBest writes the best model if it is not on the disk. A file of that name which is not the run's is set aside.
func (t *training) writeBest() error {
	if t.best == nil {
		return nil
	}
	if _, err := os.Stat(t.BestPath()); t.bestOK && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if t.lostBest != nil {
		os.Rename(t.BestPath(), t.BestPath()+damagedSuffix)
		t.lostBest = nil
	}
	if err := atomicfile.WriteBytes(t.BestPath(), t.best); err != nil {
		return err
	}
	t.bestOK = true
	return nil
}
