package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// exportModel writes the best model to a file that PyTorch reads.
func (a *app) exportModel(args []string) error {
	r, c, err := a.weights()
	if err != nil {
		return err
	}
	defer r.Finalize()
	if _, err := os.Stat(r.BestPath()); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no %s yet: run \"resnet18 train -model %s\" first", r.BestPath(), a.model)
	}
	if err := r.LoadModel(r.BestPath()); err != nil {
		return err
	}
	if err := r.SaveModel(args[0]); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: %s. In PyTorch:\n\n", args[0], c)
	fmt.Fprintf(a.out, "    net = torchvision.models.resnet18(num_classes=%d)\n", c.NumClasses)
	if c.Plain {
		fmt.Fprintln(a.out, "    # its shortcuts are to be left out: see NoShortcut in bench/parity/formula.py")
	}
	fmt.Fprintf(a.out, "    net.load_state_dict(safetensors.torch.load_file(%q))\n", args[0])
	return nil
}

// importModel makes the weights in a file, from PyTorch or from here, the best model of a run.
func (a *app) importModel(args []string) error {
	r, c, err := a.weights()
	if err != nil {
		return err
	}
	defer r.Finalize()
	if found, _ := filepath.Glob(filepath.Join(r.Dir(), "*.safetensors")); len(found) > 0 {
		return fmt.Errorf("there is a model already, %s: move it away, or choose another -work", found[0])
	}
	load := r.LoadModel
	if a.newHead {
		load = r.LoadFeatures
	}
	if err := load(args[0]); err != nil {
		if strings.Contains(err.Error(), `"fc.`) {
			err = fmt.Errorf("%w; -new-head takes all but the last layer", err)
		}
		return err
	}
	if err := os.MkdirAll(r.Dir(), 0o755); err != nil {
		return err
	}
	if err := r.SaveModel(r.BestPath()); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: %s. \"resnet18 evaluate -model %s\" scores it\n", r.BestPath(), c, a.model)
	if a.newHead {
		fmt.Fprintln(a.out, "its last layer is fresh: it knows nothing of the classes yet")
	}
	return nil
}

// weights prepares a runner that only moves weights: pure Go starts at once, and nothing is computed.
func (a *app) weights() (*runner.Runner, resnet.Config, error) {
	c, err := a.config()
	if err != nil {
		return nil, c, err
	}
	b, err := backend.New("go", io.Discard)
	if err != nil {
		return nil, c, err
	}
	r, err := runner.New(b, c, filepath.Join(a.work, "runs", a.model), runner.Config{})
	return r, c, err
}
