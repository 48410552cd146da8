// Command resnet18 takes the chapter's steps from a terminal: get the data, look at the network, train it,
// evaluate it, predict with it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

const usage = `resnet18 trains ResNet-18 on CIFAR-10: section 5.5 of "Neural Networks and Deep Learning: Case and Practice".

    resnet18 data                 find CIFAR-10, unpack it, count the classes
    resnet18 summary              the network, layer by layer
    resnet18 train                30 epochs; Ctrl-C stops and saves, the same command goes on
    resnet18 train -epochs 2      a shorter training
    resnet18 evaluate             the best model on the test set
    resnet18 predict 2            what test image 2 is
    resnet18 predict my-cat.jpg   what is on your own picture
    resnet18 export FILE          the best model as safetensors, with torchvision's names
    resnet18 import FILE          take such a file, from PyTorch or from here, to evaluate it or train on from it
    resnet18 experiment NAME      train a row of notebook 07's table; "list" names them
    resnet18 compile              have XLA compile the network now, so that no training waits for it

"resnet18 COMMAND -h" says more about a command and lists its flags.
`

// command is one subcommand: about is for -h, and run gets what the flags leave.
type command struct {
	name, args string
	about      string
	run        func(a *app, args []string) error
}

var commands = []command{
	{"data", "", `Finds CIFAR-10, unpacks it into WORK/data and counts the images of each class. Without an archive there, a
copy of all 60,000 images as JPEG, which this program brings along, takes its place. The environment variable
CIFAR10_PATH names an archive or a folder of your own.`, (*app).data},
	{"summary", "", `Lists the network's layers: output for a 32×32 image, parameters, multiply-adds.`, (*app).summary},
	{"train", "", `Trains and evaluates on the test set. The best model by accuracy on dev goes into WORK/runs/MODEL (with -train-images 512 into WORK/runs/MODEL-512-images), with all that an
interrupted run needs to go on: Ctrl-C stops after the step and saves, a second Ctrl-C stops at once, and the same
command goes on. A larger -epochs continues a complete run. With -devices 2 (or 4, or 8), that many GPUs of this machine share each
batch of 64: the results are those of one up to rounding, and the run may go on with another number.`, (*app).train},
	{"evaluate", "", `Scores the best model that train has saved on the test set.`, (*app).evaluate},
	{"predict", "INDEX|FILE", `Says what the best model sees in a test image (0 to 9999) or in a PNG, JPEG, GIF or WebP file of any size, whose
middle square is scaled to 32×32.`, (*app).predict},
	{"export", "FILE", `Writes the best model as safetensors, with torchvision's names and layouts.`, (*app).exportModel},
	{"experiment", "NAME|list", `Trains a row of the experiments' table in WORK/runs/exp-NAME and writes its result to a file; "list" shows the table.
Ctrl-C stops and saves, and the same command goes on.`, (*app).experiment},
	{"compile", "", `Has XLA compile the training step and the evaluation for this processor, and keeps them in the user's cache folder. Without
it the first command that needs them does the same. Where nothing is kept, it does nothing.`, (*app).compile},
	{"import", "FILE", `Takes a safetensors file, from export or from PyTorch, as the model that evaluate scores and train starts from.`, (*app).importModel},
}

// app holds the flags, which all commands share, and where to write.
type app struct {
	work, model, backend string
	epochs, images       int
	devices              int
	download, newHead    bool
	bfloat16             bool
	results              string
	out                  io.Writer
}

// errUsage marks an error that has been shown with the usage: exit code 2.
var errUsage = errors.New("usage")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process: 0 is success, 1 an error, 2 a wrong command line, 130 a stop by Ctrl-C.
func run(args []string, stdout, stderr io.Writer) int {
	err := dispatch(args, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, runner.ErrStopped):
		return 130
	}
	fmt.Fprintln(stderr, "resnet18:", strings.ReplaceAll(err.Error(), "\n", "; ")) // joined errors have a line each
	return 1
}

func dispatch(args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		fmt.Fprint(stdout, usage)
		return nil
	}
	for _, c := range commands {
		if c.name == args[0] {
			a := &app{out: stdout}
			var said bytes.Buffer // help is what was asked for; all else is an error
			rest, err := parse(a.flags(c, &said), args[1:])
			if errors.Is(err, flag.ErrHelp) {
				fmt.Fprint(stdout, &said)
				return nil
			}
			if err != nil { // said has it, and the flags
				fmt.Fprint(stderr, &said)
				return errUsage
			}
			if err := a.check(c, rest); err != nil {
				fmt.Fprintf(stderr, "resnet18 %s: %v\n", c.name, err)
				return errUsage
			}
			return c.run(a, rest)
		}
	}
	fmt.Fprintf(stderr, "resnet18: there is no command %q\n\n%s", args[0], usage)
	return errUsage
}

// parse takes flags before and behind the argument: "predict cat.jpg -model custom".
func parse(f *flag.FlagSet, args []string) (rest []string, err error) {
	for err = f.Parse(args); err == nil && f.NArg() > 0; err = f.Parse(f.Args()[1:]) {
		rest = append(rest, f.Arg(0))
	}
	return rest, err
}

// check looks at what flag does not: the number of arguments, and the values that flags may have.
func (a *app) check(c command, args []string) error {
	if want := len(c.args) > 0; want != (len(args) == 1) || len(args) > 1 {
		return fmt.Errorf("%d arguments, want %q", len(args), c.args)
	}
	if _, err := a.config(); err != nil {
		return err
	}
	if a.epochs < 1 {
		return fmt.Errorf("-epochs is %d, want at least 1", a.epochs)
	}
	if a.devices < 1 {
		return fmt.Errorf("-devices is %d, want at least 1", a.devices)
	}
	if a.images < 0 {
		return fmt.Errorf("-train-images is %d, want 0 (all) or more", a.images)
	}
	return nil
}

func (a *app) flags(c command, out io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("resnet18 "+c.name, flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		fmt.Fprintf(out, "resnet18 %s\n\n%s\n\nFlags:\n", strings.TrimSpace(c.name+" [flags] "+c.args), c.about)
		f.PrintDefaults()
	}
	work := os.Getenv("WORK")
	if work == "" {
		work = "work"
	}
	f.StringVar(&a.work, "work", work, "`folder` for the data and the trained models")
	f.StringVar(&a.model, "model", "library", "`name` of the network: library (1,000 outputs), custom (10) or plain (10, no shortcuts)")
	f.StringVar(&a.backend, "backend", "", "`name` of what computes: xla:cpu, xla:cuda or go; the best there is if empty")
	f.IntVar(&a.epochs, "epochs", 30, "`number` of passes over the training set")
	f.IntVar(&a.devices, "devices", 1, "`number` of devices that share each batch in train, evaluate and experiment: GPUs of this machine, or\nXLA's virtual ones on the CPU, up to eight, for tests")
	f.IntVar(&a.images, "train-images", 0, "use only this `number` of images of each set; 0 uses all")
	f.BoolVar(&a.bfloat16, "bfloat16", false, "convolve in bfloat16, for a GPU that has it in hardware")
	f.BoolVar(&a.download, "download", false, "try to download the official archive, if it is not there")
	if c.name == "experiment" {
		f.StringVar(&a.results, "results", filepath.Join("notebooks", "results"), "`folder` for the result")
	}
	if c.name == "import" {
		f.BoolVar(&a.newHead, "new-head", false, "take all but the last layer, which stays fresh: for a file with another number of outputs")
	}
	return f
}

// config is the network that -model names.
func (a *app) config() (resnet.Config, error) {
	c, ok := map[string]resnet.Config{
		"library": resnet.Library(),
		"custom":  resnet.Custom(3, 10, true),
		"plain":   resnet.Custom(3, 10, false),
	}[a.model]
	if !ok {
		return c, fmt.Errorf("-model is %q, want library, custom or plain", a.model)
	}
	c.BFloat16 = a.bfloat16
	return c, nil
}

// lab finds the data, starts the backend and says which both are.
func (a *app) lab() (*lab.Lab, error) {
	l, err := lab.New(lab.Settings{Work: a.work, Epochs: a.epochs, TrainImages: a.images, Devices: a.devices, Backend: a.backend, Download: a.download, Out: a.out})
	if err == nil {
		fmt.Fprintln(a.out, l)
	}
	return l, err
}
