// Command resnet18 takes the chapter's steps from a terminal: get the data, look at the network, train it,
// evaluate it, predict with it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

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

"resnet18 COMMAND -h" lists a command's flags.
`

// command is one subcommand: its flags are set up by define, and run gets what is left.
type command struct {
	name, args string
	run        func(a *app, args []string) error
}

var commands = []command{
	{"data", "", (*app).data},
	{"summary", "", (*app).summary},
	{"train", "", (*app).train},
	{"evaluate", "", (*app).evaluate},
	{"predict", "INDEX|FILE", (*app).predict},
}

// app holds the flags, which all commands share, and where to write.
type app struct {
	work, model, backend string
	epochs, images       int
	download             bool
	out                  io.Writer
}

// errUsage marks an error that has been shown with the usage: exit code 2.
var errUsage = errors.New("usage")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process: 0 is success, 1 an error, 2 a wrong command line, 130 a stop by Ctrl-C.
func run(args []string, stdout, stderr io.Writer) int {
	err := dispatch(args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.Is(err, runner.ErrStopped):
		return 130
	}
	fmt.Fprintln(stderr, "resnet18:", err)
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
			flags := a.flags(c, stderr)
			if err := flags.Parse(args[1:]); err != nil {
				if errors.Is(err, flag.ErrHelp) {
					return err
				}
				return errUsage // flag has said why
			}
			if want := len(c.args) > 0; want != (flags.NArg() == 1) || flags.NArg() > 1 {
				fmt.Fprintf(stderr, "resnet18 %s: %d arguments, want %q\n", c.name, flags.NArg(), c.args)
				return errUsage
			}
			return c.run(a, flags.Args())
		}
	}
	fmt.Fprintf(stderr, "resnet18: there is no command %q\n\n%s", args[0], usage)
	return errUsage
}

func (a *app) flags(c command, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet("resnet18 "+c.name, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintf(stderr, "resnet18 %s [flags] %s\n", c.name, c.args)
		f.PrintDefaults()
	}
	work := os.Getenv("WORK")
	if work == "" {
		work = "work"
	}
	f.StringVar(&a.work, "work", work, "`folder` for the data and the trained models")
	f.StringVar(&a.model, "model", "library", "library (1,000 outputs), custom (10) or plain (10, no shortcuts)")
	f.StringVar(&a.backend, "backend", "", "xla:cpu, xla:cuda or go; the best there is if empty")
	f.IntVar(&a.epochs, "epochs", 30, "passes over the training set")
	f.IntVar(&a.images, "train-images", 0, "use only so many images of each set; 0 uses all")
	f.BoolVar(&a.download, "download", false, "try to download the official archive, if it is not there")
	return f
}

// config is the network that -model names.
func (a *app) config() (resnet.Config, error) {
	switch a.model {
	case "library":
		return resnet.Library(), nil
	case "custom":
		return resnet.Custom(3, 10, true), nil
	case "plain":
		return resnet.Custom(3, 10, false), nil
	}
	return resnet.Config{}, fmt.Errorf("-model is %q, want library, custom or plain", a.model)
}

// lab finds the data, starts the backend and says which both are.
func (a *app) lab() (*lab.Lab, error) {
	l, err := lab.New(lab.Settings{Work: a.work, Epochs: a.epochs, TrainImages: a.images, Backend: a.backend, Download: a.download, Out: a.out})
	if err == nil {
		fmt.Fprintln(a.out, l)
	}
	return l, err
}
