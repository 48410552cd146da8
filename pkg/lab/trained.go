package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"nndl.example/resnet18/data/weights"
	"nndl.example/resnet18/pkg/runner"
)

// shipped maps the runs of the notebooks and the command to the weights that come with the project. (Notebook 06 builds the
// custom network by hand.)
var shipped = map[string]string{"library": "library", "custom": "custom", "handbuilt": "custom"}

// ErrNotTrained reports that a run has no model, and the project has no weights for it.
var ErrNotTrained = errors.New("no trained model")

// noted holds the lines of Trained that have been written: once is enough for a notebook cell that asks twice.
var noted sync.Map

// Trained returns a runner with the run's best model loaded. If there has been no training, it has the weights and the history
// that come with the project, and a line in l.Out says so. maker, for that line, names the notebook or command that trains
// the model.
func (l *Lab) Trained(name string, m runner.Model, maker string) (*runner.Runner, error) {
	r, err := l.Runner(name, m, runner.Config{})
	if err != nil {
		return nil, err
	}
	err = r.LoadBest()
	if errors.Is(err, fs.ErrNotExist) {
		var note string
		if note, err = LoadShipped(r, name, maker); err == nil {
			if _, again := noted.LoadOrStore(note, true); !again {
				fmt.Fprintln(l.Out, note)
			}
		}
	}
	if err != nil {
		r.Finalize()
		return nil, err
	}
	return r, nil
}

// HasShipped reports whether the project has weights for a run of this name.
func HasShipped(name string) bool {
	_, ok := weights.File(shipped[name])
	return ok
}

// LoadShipped sets the weights and the history that come with the project for a run that has not been trained. It returns a line
// that says so. The error is ErrNotTrained if there are none, or if they do not fit the model.
func LoadShipped(r *runner.Runner, name, maker string) (note string, err error) {
	missing := fmt.Errorf("lab: %w %s: run %s first", ErrNotTrained, r.BestPath(), maker)
	data, ok := weights.File(shipped[name])
	if !ok {
		return "", missing
	}
	info, err := r.LoadCompact(data, weights.Path(shipped[name]))
	if errors.Is(err, runner.ErrArchitecture) {
		return "", fmt.Errorf("%w (the project's do not fit: %w)", missing, err)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("no trained model in %s yet (%s makes one): using the project's, with test accuracy %.4f", r.Dir(), maker, info.Accuracy), nil
}
