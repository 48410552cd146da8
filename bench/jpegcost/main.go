// Jpegcost measures what the JPEG copy of CIFAR-10 costs: it trains the same network with the same seeds on the original pixels
// and on the copy's, and compares the predictions image by image. With -smooth it also trains on the copy with interpolated
// colours: package cifar repeats each of their values for 2×2 pixels.
//
//	CIFAR10_PATH=cifar-10-python.tar.gz go run ./bench/jpegcost      train on the 50,000 training images, test on the 10,000
//	go run ./bench/jpegcost originals.bin                            the first n training images only, in four folds
//
// The first form trains the network and recipe of notebook 07's row modern-muon. The second is for whoever has the pixels of
// some images but not the archive: each fold in turn is the test set of a narrow network, trained on the other three. The file
// has the layout of data_batch_1.bin: for each image a byte for the label and 3,072 for its planes. From bytes
// images [n, 32, 32, 3] and labels [n], NumPy writes it with
//
//	np.c_[labels, images.transpose(0, 3, 1, 2).reshape(n, -1)].astype(np.uint8).tofile("originals.bin")
//
// An interrupted command resumes, and one that asks for more seeds trains only those.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/experiments"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/runner"
)

var (
	seeds   = flag.Int("seeds", 2, "number of seeds")
	smooth  = flag.Bool("smooth", false, "also train on the copy with interpolated colours")
	work    = flag.String("work", "work/jpegcost", "folder for the runs")
	results = flag.String("results", "", "folder for the result, jpeg-cost.json (default: print it only)")
)

func main() {
	flag.Parse()
	if err := run(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "jpegcost:", err)
		os.Exit(1)
	}
}

func run(records string) error {
	if *seeds < 1 {
		return fmt.Errorf("-seeds is %d, want at least 1", *seeds)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	e, err := newExperiment(ctx, records)
	if err != nil {
		return err
	}
	b, err := backend.Default()
	if err != nil {
		return err
	}
	r, err := e.measure(ctx, b, os.Stdout)
	if err != nil {
		return err
	}
	r.Command = strings.Join(append([]string{"go run ./bench/jpegcost"}, os.Args[1:]...), " ")
	r.Print(os.Stdout)
	if *results == "" {
		return nil
	}
	return r.Write(*results)
}

// A part is one training set and its test set, in each version.
type part struct{ train, test []*cifar.Dataset }

// experiment is what to train.
type experiment struct {
	data   string
	widths [3]int
	config runner.Config
	seeds  int
	work   string
	parts  []part
	psnr   []float64 // of each version
}

const folds = 4 // of a file of records, each tested once

// newExperiment compares the images in a file of records with the copy's or, without a file, those of the official archive.
func newExperiment(ctx context.Context, records string) (*experiment, error) {
	row, err := experiments.Find("modern-muon")
	if err != nil {
		return nil, err
	}
	e := &experiment{config: row.Config, seeds: *seeds, work: *work}
	e.config.LogSteps, e.config.EvalSteps = math.MaxInt32, math.MaxInt32 // one evaluation, at the end: no set chooses a model
	var originals *cifar.Dataset
	if records == "" {
		e.data, e.widths = "50,000 training and 10,000 test images", [3]int{64, 256, 256}
		originals, err = official(ctx)
	} else {
		e.widths, e.config.Epochs = [3]int{24, 32, 32}, 15
		originals, err = readRecords(records)
	}
	if err != nil {
		return nil, err
	}
	sets, err := versionsOf(ctx, originals, *smooth)
	if err != nil {
		return nil, err
	}
	e.psnr = psnrs(sets)
	if n := originals.Len(); records == "" {
		e.parts = []part{split(sets, 50000, n)}
	} else {
		e.data = fmt.Sprintf("the first %d training images in four folds", n)
		for fold := range folds {
			e.parts = append(e.parts, split(sets, fold*n/folds, (fold+1)*n/folds))
		}
	}
	return e, nil
}

// split makes images low to high-1 the test set and the others the training set.
func split(sets []*cifar.Dataset, low, high int) (p part) {
	for _, d := range sets {
		p.test = append(p.test, between(d, low, high))
		p.train = append(p.train, between(d, 0, low).Joined(between(d, high, d.Len())))
	}
	return p
}

// measure trains one network for each seed, part and version.
func (e *experiment) measure(ctx context.Context, b compute.Backend, out io.Writer) (*experiments.JPEGCost, error) {
	r := &experiments.JPEGCost{Data: e.data, Config: e.config, Seeds: e.seeds, Device: backend.Describe(b)}
	images := make([][]float64, len(e.psnr)) // how often each image is predicted correctly, as a share of the seeds
	for seed := range e.seeds {
		at := 0
		for i, part := range e.parts {
			run := experiments.VersionsRun{Part: i + 1, Seed: 100 + uint64(seed)}
			line := fmt.Sprintf("seed %d, part %d:", run.Seed, run.Part)
			for v := range part.test {
				dir := filepath.Join(e.work, fmt.Sprintf("%d-%d-%d-%s", part.train[v].Len(), run.Seed, run.Part, names[v]))
				network, correct, err := e.train(ctx, b, dir, part.train[v], part.test[v], run.Seed)
				if err != nil {
					return nil, err
				}
				r.Network = network
				hits := 0
				for j, is := range correct {
					if seed == 0 {
						images[v] = append(images[v], 0)
					}
					if is {
						hits++
						images[v][at+j] += 1 / float64(e.seeds)
					}
				}
				run.Accuracy = append(run.Accuracy, float64(hits)/float64(len(correct)))
				line += fmt.Sprintf(" %s %.4f", names[v], run.Accuracy[v])
			}
			fmt.Fprintln(out, line)
			r.Runs = append(r.Runs, run)
			at += part.test[0].Len()
		}
	}
	r.Images = len(images[0])
	for v := range images {
		accuracy, _ := metrics.MeanStd(images[v])
		r.Versions = append(r.Versions, experiments.Version{Name: names[v], PSNR: e.psnr[v], Accuracy: accuracy})
		if v != 1 {
			r.Differences = append(r.Differences, compare(v, 1, r.Runs, images))
		}
	}
	return r, nil
}

// train trains a network, or resumes its run, and returns which images of test it predicts correctly.
func (e *experiment) train(ctx context.Context, b compute.Backend, dir string, train, test *cifar.Dataset, seed uint64) (network string, correct []bool, err error) {
	net := airbench.Net{Widths: e.widths, Whitening: airbench.Whitening(train)}
	c := e.config
	c.Seed = seed
	r, err := runner.New(b, net, dir, c)
	if err != nil {
		return "", nil, err
	}
	defer r.Finalize()
	r.Out = os.Stderr
	if err := r.Train(ctx, train, test); err != nil {
		return "", nil, err
	}
	if err := r.LoadBest(); err != nil {
		return "", nil, err
	}
	logits, err := r.Predict(test.Pixels)
	return net.String(), metrics.Corrects(metrics.Predictions(logits, test.Labels)), err
}
