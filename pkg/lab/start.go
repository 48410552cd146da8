package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"nndl.example/resnet18/data/weights"
	"nndl.example/resnet18/pkg/internal/regularfile"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
	"nndl.example/resnet18/pkg/safetensors"
)

// What StartFrom accepts besides the path of a file.
const (
	FromScratch = "scratch" // random weights
	FromShipped = "shipped" // the weights that come with the project
)

// StartFrom chooses what a new run starts from: FromScratch, FromShipped or a safetensors file. From trained weights it takes all
// layers but the last, which is fresh: fine-tuning. A run that has begun must have started from the same; the error is
// runner.ErrOtherRun if it did not. It has a copy of the weights, so their file may be gone. name is that of the network whose
// weights are shipped.
func StartFrom(r *runner.Runner, from, name string) error {
	switch from {
	case FromScratch:
		return r.StartFrom("", nil)
	case FromShipped:
		return startFromShipped(r, name)
	}
	sum, err := regularfile.SHA256(from)
	if errors.Is(err, fs.ErrNotExist) {
		if found, startErr := r.Start(); startErr == nil && strings.HasPrefix(found, filepath.Base(from)+" (SHA-256 ") {
			return nil // the run's folder has a copy of the weights
		}
	}
	if err != nil {
		return fmt.Errorf("lab: weights to start from: %w; want a safetensors file, %q or %q", err, FromShipped, FromScratch)
	}
	return r.StartFrom(startSource(filepath.Base(from), sum), func() error { return r.LoadFeatures(from) })
}

func startFromShipped(r *runner.Runner, name string) error {
	data, ok := weights.File(shipped[name])
	if !ok {
		return fmt.Errorf("lab: the project has no weights for the network %q: start from a file or from %s", name, FromScratch)
	}
	path := weights.Path(shipped[name])
	sum := sha256.Sum256(data)
	return r.StartFrom(startSource(path, hex.EncodeToString(sum[:])), func() error {
		_, err := r.LoadCompactFeatures(data, path)
		if err != nil {
			err = fmt.Errorf("%w: start from a file or from %s", err, FromScratch)
		}
		return err
	})
}

func startSource(name, sum string) string {
	return fmt.Sprintf("%s (SHA-256 %.32s), all layers but the last", name, sum)
}

// Saved returns a runner with the best model of a run, whose network follows from its file. Runner.ClassName has the names of its
// classes. The error is ErrNotTrained if the run has no model.
func (l *Lab) Saved(name string) (*runner.Runner, error) {
	path := filepath.Join(l.RunDir(name), "best.safetensors")
	f, err := safetensors.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("lab: %w: %w: run resnet18 train first", ErrNotTrained, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lab: the run's model: %w", err)
	}
	defer f.Close()
	c, ok := resnet.Identify(f)
	if !ok {
		return nil, fmt.Errorf("lab: %s: %w", path, runner.ErrArchitecture)
	}
	r, err := l.Runner(name, c, runner.Config{})
	if err != nil {
		return nil, err
	}
	if err := r.LoadBest(); err != nil {
		r.Finalize()
		return nil, err
	}
	return r, nil
}
