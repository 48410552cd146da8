package main

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/runner"
)

// chapterEpochs is the chapter's number of passes over the training set.
const chapterEpochs = 30

func (a *app) train() *cobra.Command {
	c := &cobra.Command{
		Use: "train [flags]", Short: "Train a network and score it on the test set.", Args: arguments(0, 0, "none"),
		Long: `Trains a network and scores its best model, by accuracy on dev, on the test set. The defaults are the chapter's.

The model and the checkpoints go into WORK/runs/NAME. NAME is the network's name, followed by each setting that differs from
the chapter's: -lr 0.01 -optimizer adamw trains in WORK/runs/library-lr-0.01-optimizer-adamw. "resnet18 evaluate -run NAME"
scores it again. With -run you choose NAME yourself; a run does not resume with other settings. Training
starts from weights that "resnet18 import" has stored for the network or, with -run, for that run.

With -data it trains on your own pictures: a folder with one subfolder for each class, as torchvision's ImageFolder reads it,
with PNG, JPEG, GIF or WebP files of any size, which are scaled to 32×32. 15% of each class are for dev and 15% for the test,
always the same ones. Or the folder has subfolders train, test and val; without val, dev is a part of train, and without test, val
is the test set. The network gets an output for each class, NAME begins with the folder's name, and the model is evaluated once
an epoch. Pictures are normalised with CIFAR-10's means and standard deviations, as the network's weights expect. The folder is
only read. -data also takes CIFAR-100: cifar-100-python.tar.gz, cifar-100-binary.tar.gz, or the folder that they unpack to or the
one around it.

-from says what a new run starts from: "scratch", random weights; "shipped", the weights that come with the project, or a
safetensors FILE, each with a fresh last layer. The default is shipped with -data, otherwise scratch. -freeze trains
only the last layer: the others keep their weights, and batch norm its running statistics.

A run's folder takes up to 360 MB: the best model 45 MB, the weights that it started from as much, if any, and each of the last
two checkpoints 134 MB, since Adam's state is twice as large as the weights. With -depth 34 it takes nearly twice as much.
Once a run is complete, evaluate, predict and export need only best.safetensors; without checkpoints train starts over, and
curves has nothing to draw.

Ctrl-C stops after the current step, or launch of several steps, and saves (exit code 130); a second Ctrl-C stops at once. The
same command resumes. A complete run continues if -epochs is larger than before, unless it has a schedule, which depends on the
number of epochs.`,
		RunE: func(*cobra.Command, []string) error { return a.runTrain() },
	}
	f := flags(c)
	f.IntVar(&a.epochs, "epochs", chapterEpochs, "`NUMBER`: passes over the training set")
	a.imagesFlag(c, "`NUMBER`: use only this many images of each set (default: all)")
	f.AddFlagSet(a.hyper.flags())
	choices(c, "optimizer", optimizers)
	choices(c, "schedule", schedules)
	a.dataFlag(c, "`FOLDER`: your own pictures, in one subfolder for each class, or CIFAR-100's archive (default: CIFAR-10)")
	f.StringVar(&a.from, "from", "", "`START`: scratch, shipped or a safetensors file (default: shipped with -data, otherwise scratch)")
	f.BoolVar(&a.freeze, "freeze", false, "train only the last layer")
	a.networkFlags(c)
	a.workFlag(c)
	a.runFlag(c, "`NAME`: run, a folder in WORK/runs (default: network and settings)")
	a.backendFlags(c)
	a.devicesFlag(c)
	f.IntVar(&a.launchSteps, "launch-steps", 0, "`NUMBER`: training steps that the device makes in one launch, with the same results\n(default: 25 on a GPU, otherwise 1)")
	a.downloadFlag(c)
	f.BoolVar(&a.plot, "plot", false, "draw loss, accuracy and learning rate while training; in a log file once, at the end")
	return c
}

func (a *app) runTrain() error {
	config, err := a.trainConfig()
	if err != nil {
		return err
	}
	l, err := a.lab(a.epochs)
	if err != nil {
		return err
	}
	if err := a.evaluateEachEpoch(l, &config); err != nil {
		return err
	}
	network, name := a.network(), a.runName(a.changes()...)
	r, err := runner.New(l.Backend, network, a.runDir(a.changes()...), config)
	if err != nil {
		return err
	}
	defer r.Finalize()
	r.Out = a.out
	if a.plot {
		lab.Live(r)
	}
	fmt.Fprintf(a.out, "network: %v, %.2f million parameters\ntraining: %s, batches of %d, learning rate %g; recipe: %v\nrun: %s, in %s\n",
		network, float64(network.Summary().Params())/1e6, l.Conditions(), r.Config.BatchSize, r.Config.LearningRate, r.Config.Recipe, name, r.Dir())
	if err := a.start(r); err != nil {
		return err
	}
	complete, err := l.Train(r)
	if err != nil {
		return err
	}
	if !complete {
		return runner.ErrStopped // Train has said how to resume
	}
	if err := r.LoadBest(); err != nil {
		return err
	}
	result, err := a.testScore(l, r)
	if err == nil {
		a.printScore(result, "")
	}
	return err
}

// trainConfig checks all flags and returns the configuration that they describe.
func (a *app) trainConfig() (runner.Config, error) {
	if err := cmp.Or(a.validate(), atLeast1("epochs", a.epochs), atLeast1("devices", a.devices)); err != nil {
		return runner.Config{}, err
	}
	if a.launchSteps < 0 {
		return runner.Config{}, usagef("-launch-steps is %d, want at least 1, or 0 for the default", a.launchSteps)
	}
	c, err := a.hyper.config()
	c.Epochs, c.Devices, c.LaunchSteps, c.Initial = a.epochs, a.devices, a.launchSteps, a.initialPath(a.changes()...)
	c.Recipe.Freeze = a.freeze
	return c, err
}

// evaluateEachEpoch replaces the chapter's 3,000 steps between two evaluations, which are many epochs of a few pictures.
func (a *app) evaluateEachEpoch(l *lab.Lab, c *runner.Config) error {
	if l.Own == nil {
		return nil
	}
	train, err := l.Data(cifar.Train)
	if err != nil {
		return err
	}
	steps := train.Batches(c.BatchSize)
	c.LogSteps, c.EvalSteps = steps, steps
	return nil
}

// start sets what the run starts from.
func (a *app) start(r *runner.Runner) error {
	from := a.from
	if from == "" && a.pictures != "" {
		from = lab.FromShipped
	}
	if from != "" {
		if err := lab.StartFrom(r, from, a.model); err != nil {
			return err
		}
	}
	source, err := r.Start()
	if err != nil {
		return err
	}
	if source == "" && a.freeze {
		return usagef("-freeze keeps weights that are random: want trained ones, from -from or import")
	}
	if source == "" {
		fmt.Fprintln(a.out, "start: random weights") // Train names others
	}
	return nil
}

// changes names the settings that differ from the chapter's, apart from the number of images. The number of epochs counts only
// with a schedule: then a step depends on it, and the run cannot continue with another number.
func (a *app) changes() []string {
	changes := a.hyper.changes()
	if a.from != "" && !(a.pictures != "" && a.from == lab.FromShipped) {
		changes = append(changes, "from-"+runNameOf(a.from))
	}
	if a.freeze {
		changes = append(changes, "freeze")
	}
	if a.hyper.schedule != constant && a.epochs != chapterEpochs {
		changes = append(changes, fmt.Sprintf("epochs-%d", a.epochs))
	}
	return changes
}
