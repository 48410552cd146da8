// Package lab sets up an experiment: it reads the settings, finds the data, starts the backend and defines where files go. The
// notebooks and the command use it.
//
//	WORK/data/                     archives, and the batch files extracted from them
//	WORK/runs/library, custom      one folder for each run: best.safetensors and checkpoints
//	WORK/runs/library-512-images   a short run, with TRAIN_IMAGES=512
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/imagefolder"
	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/internal/userpath"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// Settings are the settings of an experiment.
type Settings struct {
	Work        string    // the folder for data and runs
	Pictures    string    // a folder of the reader's own pictures: see package imagefolder; or CIFAR-100; "" means CIFAR-10
	Epochs      int       // passes over the training set
	TrainImages int       // the number of images of each set to use; 0 means all
	Devices     int       // the number of this host's devices that share the work; 0 means 1
	Backend     string    // see backend.New; "" picks the best
	Download    bool      // try the official download before the embedded copy
	Out         io.Writer // receives progress and log lines
}

// Lab holds an experiment's settings, backend and data source.
type Lab struct {
	Settings
	Backend compute.Backend
	Source  cifar.Source
	Own     *imagefolder.Sets // the pictures in Settings.Pictures; nil for CIFAR-10
}

// Start calls New with settings from the environment, for example for a short run:
//
//	EPOCHS=1 TRAIN_IMAGES=512 WORK=/tmp/short
//
// By default it uses the given number of epochs, all images and the folder work next to that of the notebooks. A relative WORK
// is relative to the working folder; in a notebook, to the project's folder.
func Start(epochs int) (*Lab, error) {
	work, err := workFolder()
	s := Settings{Work: work, Epochs: epochs, Out: os.Stdout}
	if err := errors.Join(err, readInt("EPOCHS", 1, &s.Epochs), readInt("TRAIN_IMAGES", 0, &s.TrainImages)); err != nil {
		return nil, err
	}
	return New(s)
}

// workFolder returns $WORK, by default work.
func workFolder() (string, error) {
	work, err := userpath.FromEnv("WORK")
	switch {
	case err != nil:
		return "", fmt.Errorf("lab: %w", err)
	case work == "" && os.Getenv("GONB_DIR") != "": // a notebook's cells run in its folder
		return filepath.Join("..", "work"), nil
	case work == "":
		return "work", nil
	}
	return work, nil
}

// CleanPath removes quotes around a path and replaces a leading ~ by the home folder. A URL is an error.
func CleanPath(path string) (string, error) { return userpath.Clean(path) }

// WriteFile writes a file in one go: if that fails, an older one stays as it was.
func WriteFile(path string, content []byte) error { return atomicfile.WriteBytes(path, content) }

// New starts the backend and finds the data.
func New(s Settings) (*Lab, error) {
	l, err := WithoutData(s)
	if err != nil {
		return nil, err
	}
	if s.Pictures != "" {
		l.Own, err = ownPictures(s.Pictures)
		return l, err
	}
	l.Source, err = cifar.Find(context.Background(), cifar.FindOptions{Dir: l.DataDir(), Download: s.Download, Progress: s.Out})
	return l, err
}

// ownPictures reads a folder of pictures, or CIFAR-100.
func ownPictures(path string) (*imagefolder.Sets, error) {
	if !cifar.MayBeCIFAR100(path) {
		return imagefolder.Load(path)
	}
	d, err := cifar.LoadCIFAR100(path)
	if err != nil {
		return nil, fmt.Errorf("%w; your own pictures must be unpacked, in a folder with one subfolder for each class", err)
	}
	return &imagefolder.Sets{Folder: path, Classes: d.Test.Classes, Train: d.Train, Dev: d.Dev, Test: d.Test, Layout: "dev: the last of the training images"}, nil
}

// WithoutData starts the backend only, for predictions of the reader's own pictures: Data must not be called.
func WithoutData(s Settings) (*Lab, error) {
	if s.Epochs < 1 || s.TrainImages < 0 {
		return nil, fmt.Errorf("lab: epochs=%d, images=%d: want epochs ≥ 1 and images ≥ 0 (0: all)", s.Epochs, s.TrainImages)
	}
	backend.PrepareDevices(s.Devices)
	l := &Lab{Settings: s}
	var err error
	if s.Backend == "" {
		l.Backend, err = backend.Default()
	} else {
		l.Backend, err = backend.New(s.Backend, os.Stderr)
	}
	return l, err
}

// readInt sets v from an environment variable, if it is set, to a number of at least low.
func readInt(name string, low int, v *int) error {
	text := os.Getenv(name)
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low {
		return fmt.Errorf("lab: environment variable %s is %q, want a whole number of at least %d", name, text, low)
	}
	*v = n
	return nil
}

// String describes the data, if there is any, and the backend, in a line each.
func (l *Lab) String() string {
	data := ""
	switch {
	case l.Own != nil:
		data = fmt.Sprintf("data: %v\n", l.Own)
	case l.Source != (cifar.Source{}):
		data = fmt.Sprintf("data: %v\n", l.Source)
	}
	return data + "backend: " + backend.DescribeDevices(l.Backend, l.Devices)
}

// DataDir returns the folder of archives and extracted batch files.
func (l *Lab) DataDir() string { return filepath.Join(l.Work, "data") }

// Data loads a split, or its first TrainImages images.
func (l *Lab) Data(split cifar.Split) (*cifar.Dataset, error) {
	open := func(split cifar.Split) (*cifar.Dataset, error) { return cifar.Open(l.Source, split) }
	if l.Own != nil {
		open = l.Own.Split
	}
	d, err := open(split)
	if err != nil {
		return nil, err
	}
	return d.Take(l.TrainImages), nil
}

// RunDir returns the folder of a run. A short run has its own, next to that of the full run.
func (s Settings) RunDir(name string) string {
	if s.TrainImages > 0 {
		name = fmt.Sprintf("%s-%d-images", name, s.TrainImages)
	}
	return filepath.Join(s.Work, "runs", name)
}

// InitialPath returns the file of the imported weights that all runs of a name start from, including short ones.
func (s Settings) InitialPath(name string) string {
	return filepath.Join(s.Work, "runs", name, "initial.safetensors")
}

// Runner returns a runner for a model, with its run in RunDir(name). The lab sets the numbers of epochs and devices and the file of
// initial weights; zero values in other fields of c mean the chapter's choice.
func (l *Lab) Runner(name string, m runner.Model, c runner.Config) (*runner.Runner, error) {
	c.Epochs, c.Devices, c.Initial = l.Epochs, l.Devices, l.InitialPath(name)
	r, err := runner.New(l.Backend, m, l.RunDir(name), c)
	if err != nil {
		return nil, err
	}
	r.Out = l.Out
	return r, nil
}

// Train trains a runner's model. Ctrl-C, or the notebook's stop button, stops it after the current step, saves everything and
// says how to resume; complete is then false and the error nil. A second Ctrl-C kills the process. Other errors are those of
// Runner.Train.
func (l *Lab) Train(r *runner.Runner) (complete bool, err error) {
	train, err1 := l.Data(cifar.Train)
	dev, err2 := l.Data(cifar.Dev)
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	return TrainOn(r, train, dev)
}

// TrainOn is Train on the given images.
func TrainOn(r *runner.Runner, train, dev *cifar.Dataset) (complete bool, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	err = r.Train(ctx, train, dev)
	if errors.Is(err, runner.ErrStopped) {
		return false, nil
	}
	return err == nil, err
}

// Conditions describes in one line how a result was obtained.
func (l *Lab) Conditions() string {
	images := "all images"
	if l.TrainImages > 0 {
		images = fmt.Sprintf("only %d training images", l.TrainImages)
	}
	origin := l.Source.Origin
	switch {
	case l.Own != nil:
		origin = l.Own.Test.Origin
	case origin == cifar.GivenOrigin:
		origin = "images of " + filepath.Base(l.Source.Path)
	}
	return fmt.Sprintf("%d epochs, %s, %s, %s", l.Epochs, images, origin, backend.DescribeDevices(l.Backend, l.Devices))
}

// Predict returns the model's prediction for every image of a split.
func Predict(r *runner.Runner, d *cifar.Dataset) ([]metrics.Prediction, error) {
	logits, err := r.Predict(d.Pixels)
	if err != nil {
		return nil, err
	}
	return metrics.Predictions(logits, d.Labels), nil
}

// FreshNetwork returns an untrained network with weights drawn from the seed, for inspection.
func (l *Lab) FreshNetwork(c resnet.Config, seed uint64) (inspect.Network, error) {
	return inspect.New(l.Backend, c, seed)
}

// Network returns a runner's model with its current weights, for inspection.
func (l *Lab) Network(c resnet.Config, r *runner.Runner) inspect.Network {
	return inspect.Network{Config: c, Store: r.Store(), Backend: l.Backend}
}
