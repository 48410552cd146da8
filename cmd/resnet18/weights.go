package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// exportModel writes the best model to a file that PyTorch reads.
func (a *app) exportModel(args []string) error {
	r, c, err := a.weights(a.images)
	if err != nil {
		return err
	}
	defer r.Finalize()
	if err := r.LoadBest(); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no %s yet: run \"resnet18 train -model %s\" first", r.BestPath(), a.model)
	} else if err != nil {
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

// importModel makes the weights in a file, from PyTorch or from here, those that training starts from.
func (a *app) importModel(args []string) error {
	r, c, err := a.weights(0) // short runs start from them too
	if err != nil {
		return err
	}
	defer r.Finalize()
	if err := r.Import(args[0], a.newHead); err != nil {
		if errors.Is(err, runner.ErrOutputs) {
			err = fmt.Errorf("%w; -new-head takes all but the last layer", err)
		}
		return err
	}
	fmt.Fprintf(a.out, "imported %s: %s. \"resnet18 evaluate -model %s\" scores it, \"resnet18 train -model %s\" starts from it\n", args[0], c, a.model, a.model)
	if a.newHead {
		fmt.Fprintln(a.out, "its last layer is fresh: it knows nothing of the classes yet")
	}
	return nil
}

// weights prepares a runner that only moves weights: pure Go starts at once, and nothing is computed. With images it is that of
// a short run.
func (a *app) weights(images int) (*runner.Runner, resnet.Config, error) {
	c, err := a.config()
	if err != nil {
		return nil, c, err
	}
	b, err := backend.New("go", io.Discard)
	if err != nil {
		return nil, c, err
	}
	s := lab.Settings{Work: a.work, TrainImages: images}
	r, err := runner.New(b, c, s.RunDir(a.model), runner.Config{Initial: s.InitialPath(a.model)})
	return r, c, err
}
