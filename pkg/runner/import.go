package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/internal/regularfile"
	"nndl.example/resnet18/pkg/nn"
)

const (
	initialName = "initial.safetensors"
	sourceKey   = "source" // of the metadata: what the weights are
)

// initialPath is the file that Import writes and training starts from.
func (r *Runner) initialPath() string {
	if r.Config.Initial != "" {
		return r.Config.Initial
	}
	return filepath.Join(r.dir, initialName)
}

// Import makes training start from the weights in a file, written by SaveModel or by PyTorch; until then, LoadBest loads
// them. With newHead it takes all but the last layer, like LoadFeatures. It returns an error if the run's folder already
// has a model.
func (r *Runner) Import(path string, newHead bool) error {
	load := r.LoadModel
	if newHead {
		load = r.LoadFeatures
	}
	if err := load(path); err != nil {
		return err
	}
	sum, err := regularfile.SHA256(path)
	if err != nil {
		return fmt.Errorf("runner: importing %s: %w", path, err)
	}
	lock, err := lockFolder(r.dir)
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	defer lock.release()
	if err := r.checkNoModel(); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	if err := r.writeInitial(fmt.Sprintf("%s (SHA-256 %s)", filepath.Base(path), sum)); err != nil {
		return fmt.Errorf("runner: importing %s: %w", path, err)
	}
	return nil
}

// writeInitial stores the current weights as those that training starts from.
func (r *Runner) writeInitial(source string) error {
	file, err := r.modelFile(map[string]string{sourceKey: source})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(r.initialPath()), 0o755); err != nil { // Config.Initial may be in another folder
		return err
	}
	return atomicfile.WriteBytes(r.initialPath(), file)
}

// StartFrom makes training start from weights that load sets, and that source names: a file with its digest, say. With an empty
// source it starts from random weights. If the run has begun already, it only checks that the run started from the same source; the
// error is ErrOtherRun if it did not.
func (r *Runner) StartFrom(source string, load func() error) error {
	lock, err := lockFolder(r.dir)
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	defer lock.release()
	found, begun, err := r.start()
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	if found != source && (begun || found != "") {
		where := r.initialPath()
		if begun {
			where = r.dir
		}
		return fmt.Errorf("runner: %s %w (start: got %s, want %s); delete it to start over", where, ErrOtherRun, cmp.Or(found, "random weights"), cmp.Or(source, "random weights"))
	}
	if begun || source == "" {
		return nil
	}
	if err := load(); err != nil {
		return err
	}
	if err := r.writeInitial(source); err != nil {
		return fmt.Errorf("runner: storing the weights to start from: %w", err)
	}
	return nil
}

// Start returns what training starts, or has started, from: the source of the imported weights, or "" for random ones.
func (r *Runner) Start() (source string, err error) {
	source, _, err = r.start()
	if err != nil {
		return "", fmt.Errorf("runner: %w", err)
	}
	return source, nil
}

func (r *Runner) start() (source string, begun bool, err error) {
	c, err := r.newestMetadata()
	if err != nil {
		return "", false, err
	}
	if c != nil {
		return c.history.Initial, true, nil
	}
	f, err := openOwn(r.initialPath())
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("initial weights: %w; delete the file", err)
	}
	defer f.Close()
	return f.Metadata[sourceKey], false, nil
}

// checkNoModel reports an error if the run's folder has a model.
func (r *Runner) checkNoModel() error {
	found, err := r.checkpoints()
	for _, path := range []string{r.BestPath(), r.initialPath()} {
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("%s exists: move its folder away, or choose another", found[0])
	}
	return err
}

// initialWeights are the imported weights.
type initialWeights struct{ digest, source string }

// readInitial checks the imported weights, if there are any, and makes them part of the run's identity.
func (t *training) readInitial() error {
	path := t.initialPath()
	f, err := openOwn(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		defer f.Close()
		if err = checkDigest(f); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err != nil {
		return fmt.Errorf("runner: initial weights: %w; delete the file and import it again", err)
	}
	t.initial = &initialWeights{f.Metadata[digestKey], f.Metadata[sourceKey]}
	t.id.Initial = t.initial.digest
	return nil
}

// startFromInitial sets the imported weights before the first step.
func (t *training) startFromInitial() error {
	if t.initial == nil {
		return nil
	}
	t.History.Initial = t.initial.source
	return t.loadFile(t.initialPath(), nn.ReadWeights)
}
