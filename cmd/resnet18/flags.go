package main

import (
	"cmp"
	"io"
	"os"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
)

// app holds the values of a command's flags and where it writes. A command registers the flags that it uses.
type app struct {
	work, run, weights        string
	pictures, from            string
	classes                   []string // of -data, once it is read; nil for CIFAR-10
	freeze                    bool
	confusion                 string
	model, stem               string
	plain, bfloat16           bool
	backend                   string
	devices, epochs, images   int
	depth                     int
	launchSteps               int
	download, newHead, asJSON bool
	plot                      bool
	results                   string
	row, dtype, commit        string
	addr                      string
	hyper                     hyperparameters
	out, err                  io.Writer
}

var (
	models = []string{"library", "custom", "plain"}
	stems  = stemNames()
)

func stemNames() (names []string) {
	for _, s := range resnet.Stems() {
		names = append(names, string(s))
	}
	return names
}

// flags returns the flag set of a command, in the order of registration.
func flags(c *cobra.Command) *pflag.FlagSet {
	c.Flags().SortFlags = false
	c.DisableFlagsInUseLine = true
	return c.Flags()
}

func (a *app) workFlag(c *cobra.Command) {
	flags(c).StringVar(&a.work, "work", defaultWork(), "`FOLDER`: folder of the data and the runs")
	c.MarkFlagDirname("work")
}

func defaultWork() string { return cmp.Or(os.Getenv("WORK"), "work") }

// workArgument returns the flag that a printed command needs to find this work folder: none for the default.
func (a *app) workArgument() string {
	if work, err := lab.CleanPath(defaultWork()); err == nil && work == a.work {
		return ""
	}
	return " -work " + shellescape.Quote(a.work)
}

// runArgument returns the flag that names this run in a printed command: none for the network's own.
func (a *app) runArgument() string {
	if a.run == "" {
		return ""
	}
	return " -run " + shellescape.Quote(a.run)
}

// networkFlags choose the network to build.
func (a *app) networkFlags(c *cobra.Command) {
	a.modelFlag(c, "`NAME`: network, library (1,000 outputs) or custom (10)")
	flags(c).StringVar(&a.stem, "stem", stems[0], "`NAME`: first layers, imagenet (7×7, stride 2, pool) or cifar (3×3, 15 times the work)")
	flags(c).IntVar(&a.depth, "depth", resnet.Depths()[0], "`NUMBER`: layers, 18 or 34")
	flags(c).BoolVar(&a.plain, "plain", false, "leave the shortcuts out; -model plain is -model custom -plain")
	choices(c, "stem", stems)
	choices(c, "depth", []string{"18", "34"})
	a.bfloat16Flag(c)
}

func (a *app) modelFlag(c *cobra.Command, usage string) {
	a.stem, a.depth = stems[0], resnet.Depths()[0]
	flags(c).StringVar(&a.model, "model", models[0], usage)
	choices(c, "model", models)
}

func (a *app) bfloat16Flag(c *cobra.Command) {
	flags(c).BoolVar(&a.bfloat16, "bfloat16", false, "convolve in bfloat16, for a GPU that has it in hardware")
}

// savedRunFlags choose an existing run, by name or as the default run of a model.
func (a *app) savedRunFlags(c *cobra.Command) {
	a.workFlag(c)
	a.modelFlag(c, "`NAME`: network whose default run is used, library, custom or plain")
	a.runFlag(c, "`NAME`: run, a folder in WORK/runs")
}

func (a *app) runFlag(c *cobra.Command, usage string) {
	flags(c).StringVar(&a.run, "run", "", usage)
	c.RegisterFlagCompletionFunc("run", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return a.savedRuns(), cobra.ShellCompDirectiveNoFileComp
	})
}

func (a *app) imagesFlag(c *cobra.Command, usage string) {
	flags(c).IntVar(&a.images, "train-images", 0, usage)
}

func (a *app) backendFlags(c *cobra.Command) {
	flags(c).StringVar(&a.backend, "backend", "", "`NAME`: xla:cpu, xla:cuda or go (default: the best available)")
	choices(c, "backend", []string{"xla:cpu", "xla:cuda", "go"})
}

func (a *app) devicesFlag(c *cobra.Command) {
	flags(c).IntVar(&a.devices, "devices", 1, "`NUMBER`: GPUs of this machine that share each batch, or XLA's virtual devices on a CPU\n(up to 8, for tests)")
}

func (a *app) downloadFlag(c *cobra.Command) {
	flags(c).BoolVar(&a.download, "download", false, "try to download the official archive if there is none")
}

func (a *app) dataFlag(c *cobra.Command, usage string) {
	flags(c).StringVar(&a.pictures, "data", "", usage)
	c.MarkFlagFilename("data", "gz", "tgz") // folders are offered as well
}

func (a *app) weightsFlag(c *cobra.Command) {
	flags(c).StringVar(&a.weights, "weights", "", "`FILE`: weights in safetensors format (default: the run's best model)")
	c.MarkFlagFilename("weights", "safetensors")
}

func (a *app) jsonFlag(c *cobra.Command) {
	flags(c).BoolVar(&a.asJSON, "json", false, "print one JSON object per line instead of text")
}
