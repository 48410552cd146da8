package main

import (
	"errors"
	"fmt"
	"io"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

func (a *app) exportModel() *cobra.Command {
	c := &cobra.Command{
		Use: "export [flags] FILE", Short: "Write the best model as safetensors.", Args: arguments(1, 1, "FILE, or - for stdout"),
		Long: `Writes the best model of a run as safetensors, with torchvision's names and layouts. If FILE is -, only the model is
written to stdout.`,
		RunE: func(_ *cobra.Command, args []string) error { return a.runExport(args[0]) },
	}
	a.savedRunFlags(c)
	a.imagesFlag(c, "`NUMBER`: use the run that was trained on this many images")
	a.bfloat16Flag(c)
	c.ValidArgsFunction = completeFiles("safetensors")
	return c
}

func (a *app) runExport(file string) error {
	if err := a.validate(); err != nil {
		return err
	}
	if err := a.checkModel(); err != nil {
		return err
	}
	b, err := backend.New("go", io.Discard) // starts at once; nothing is computed
	if err != nil {
		return err
	}
	stdout := a.out
	if file == "-" {
		a.out = a.err // messages, which must not get into the model
	}
	m, err := a.open(b, "")
	if err != nil {
		return err
	}
	defer m.Finalize()
	if file == "-" {
		return m.WriteModel(stdout)
	}
	if err := m.SaveModel(file); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: %s. In PyTorch:\n\n", file, m.network)
	fmt.Fprintf(a.out, "    net = torchvision.models.resnet%d(num_classes=%d)\n", m.network.Depth, m.network.NumClasses)
	if m.network.Plain {
		fmt.Fprintln(a.out, "    # leave its shortcuts out: see NoShortcut in bench/parity/formula.py")
	}
	if m.network.Stem == resnet.CIFARStem {
		fmt.Fprintln(a.out, "    net.conv1, net.maxpool = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False), torch.nn.Identity()")
	}
	fmt.Fprintf(a.out, "    net.load_state_dict(safetensors.torch.load_file(%q))\n", file)
	return nil
}

func (a *app) importModel() *cobra.Command {
	c := &cobra.Command{
		Use: "import [flags] FILE.safetensors", Short: "Start from a file of weights.", Args: arguments(1, 1, "FILE"),
		Long: `Imports the weights in a safetensors file, written by export or PyTorch. train starts from them, and evaluate and predict use
them until then. Without -run, all runs of the network start from them, whatever their other settings; they are kept in
WORK/runs/MODEL/initial.safetensors.`,
		RunE: func(_ *cobra.Command, args []string) error { return a.runImport(args[0]) },
	}
	a.networkFlags(c)
	a.workFlag(c)
	a.runFlag(c, "`NAME`: run, a folder in WORK/runs (default: the network's)")
	flags(c).BoolVar(&a.newHead, "new-head", false, "import all but the last layer, which starts fresh: for files with a different number of outputs")
	c.ValidArgsFunction = completeFiles("safetensors")
	return c
}

func (a *app) runImport(file string) error {
	if err := a.validate(); err != nil {
		return err
	}
	b, err := backend.New("go", io.Discard)
	if err != nil {
		return err
	}
	r, err := runner.New(b, a.network(), a.runDir(), runner.Config{})
	if err != nil {
		return err
	}
	defer r.Finalize()
	r.Out = a.out
	if err := r.Import(file, a.newHead); err != nil {
		return a.importAdvice(file, err)
	}
	score, train := a.againFlags()
	fmt.Fprintf(a.out, "imported %s: %s. \"resnet18 evaluate %s\" scores it, \"resnet18 train %s\" starts from it\n", file, a.network(), score, train)
	if a.newHead {
		fmt.Fprintln(a.out, "its last layer is fresh: it has not learned the classes yet")
	}
	return nil
}

// importAdvice adds to an import's error the flags that would import the file.
func (a *app) importAdvice(file string, err error) error {
	if errors.Is(err, runner.ErrOutputs) {
		return fmt.Errorf("%w; -new-head imports all but the last layer", err)
	}
	if !errors.Is(err, runner.ErrArchitecture) {
		return err
	}
	found, readErr := a.networkOf(file)
	if readErr != nil {
		return err
	}
	other := *a
	other.plain, other.depth, other.stem = found.Plain, found.Depth, string(found.Stem)
	if other.network() == a.network() {
		return err
	}
	layers := other.layerFlags()
	if found.NumClasses != a.network().NumClasses {
		layers += " -new-head"
	}
	return fmt.Errorf("%w; the file contains %v, import it with -model %s%s", err, found, other.model, layers)
}

// layerFlags returns the flags that choose the network's layers.
func (a *app) layerFlags() (flags string) {
	if a.plain {
		flags += " -plain"
	}
	if a.depth != resnet.Depths()[0] {
		flags += fmt.Sprintf(" -depth %d", a.depth)
	}
	if a.stem != stems[0] {
		flags += " -stem " + a.stem
	}
	return flags
}

// againFlags returns the flags by which evaluate and train find the imported weights.
func (a *app) againFlags() (evaluate, train string) {
	evaluate = "-model " + a.model
	train = evaluate + a.layerFlags()
	if a.bfloat16 {
		train += " -bfloat16"
	}
	if a.run != "" || evaluate != train {
		evaluate = "-run " + shellescape.Quote(a.runName())
	}
	return evaluate + a.workArgument(), train + a.runArgument() + a.workArgument()
}
