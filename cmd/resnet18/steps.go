package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/picture"
	"nndl.example/resnet18/pkg/runner"
)

func (a *app) data([]string) error {
	l, err := a.lab()
	if err != nil {
		return err
	}
	folder, members, err := cifar.Extract(l.Source.Path, l.DataDir())
	if err != nil {
		return err
	}
	for _, m := range members {
		fmt.Fprintf(a.out, "%10d  %s\n", m.Size, m.Name)
	}
	fmt.Fprintln(a.out, "in", folder)
	for _, split := range []cifar.Split{cifar.Train, cifar.Dev, cifar.Test} {
		d, err := l.Data(split)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "\n%s: %d images, fingerprint %s\n", split, d.Len(), d.Fingerprint())
		for class, n := range d.ClassCounts() {
			fmt.Fprintf(a.out, "  %-10s %6d\n", cifar.Classes[class], n)
		}
	}
	return nil
}

func (a *app) summary([]string) error {
	c, err := a.config()
	if err == nil {
		fmt.Fprint(a.out, c.Summary())
	}
	return err
}

func (a *app) train([]string) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	l, err := a.lab()
	if err != nil {
		return err
	}
	r, err := l.Runner(a.model, c, runner.Config{})
	if err != nil {
		return err
	}
	defer r.Finalize()
	fmt.Fprintf(a.out, "network: %v, %.2f million parameters\ntraining: %s, batches of %d, learning rate %g\n",
		c, float64(c.Summary().Params())/1e6, l.Conditions(), r.Config.BatchSize, r.Config.LearningRate)
	complete, err := l.Train(r)
	if err != nil {
		return err
	}
	if !complete {
		return runner.ErrStopped // Train has said how to go on
	}
	if err := r.LoadBest(); err != nil {
		return err
	}
	return a.test(l, r)
}

func (a *app) compile([]string) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	b, err := backend.New(a.backend, os.Stderr)
	if err != nil {
		return err
	}
	if !backend.CachesPrograms(b) {
		fmt.Fprintf(a.out, "%s keeps no compiled programs: nothing to do\n", backend.Describe(b))
		return nil
	}
	start := time.Now()
	if err := lab.Compile(b, c); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "compiled: %v, in %.0f s\n", c, time.Since(start).Seconds())
	return nil
}

func (a *app) evaluate([]string) error {
	l, r, err := a.trained()
	if err != nil {
		return err
	}
	defer r.Finalize()
	return a.test(l, r)
}

// test scores a model on the test set.
func (a *app) test(l *lab.Lab, r *runner.Runner) error {
	d, err := l.Data(cifar.Test)
	if err != nil {
		return err
	}
	score, loss, err := r.Evaluate(context.Background(), d)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "[Test] accuracy/loss: %.4f/%.4f\n", score, loss)
	return nil
}

// trained prepares the lab and loads the best model.
func (a *app) trained() (*lab.Lab, *runner.Runner, error) {
	c, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	l, err := a.lab()
	if err != nil {
		return nil, nil, err
	}
	r, err := l.Trained(a.model, c, fmt.Sprintf("\"resnet18 train -model %s\"", a.model))
	return l, r, err
}

func (a *app) predict(args []string) error {
	l, r, err := a.trained()
	if err != nil {
		return err
	}
	defer r.Finalize()
	pixels, truth, err := subject(l, args[0])
	if err != nil {
		return err
	}
	logits, err := r.Predict(pixels)
	if err != nil {
		return err
	}
	p := metrics.Softmax(logits[0])
	top := metrics.TopK(p, 5)
	if truth == "" {
		fmt.Fprintf(a.out, "The predicted category is %s\n", metrics.ClassName(top[0]))
	} else {
		fmt.Fprintf(a.out, "The true category is %s and the predicted category is %s\n", truth, metrics.ClassName(top[0]))
	}
	for _, i := range top {
		fmt.Fprintf(a.out, "  %-12s %5.1f%%\n", metrics.ClassName(i), 100*p[i])
	}
	return nil
}

// subject is the image to predict from: of the test set, with its true class, or from a file.
func subject(l *lab.Lab, arg string) (pixels []uint8, truth string, err error) {
	i, err := strconv.Atoi(arg)
	if err != nil { // not an index; a file that is named like one can be given as ./2
		pixels, _, err = picture.Load(arg)
		return pixels, "", err
	}
	d, err := l.Data(cifar.Test)
	if err != nil {
		return nil, "", err
	}
	if i < 0 || i >= d.Len() {
		return nil, "", fmt.Errorf("there is no test image %d: want 0 to %d", i, d.Len()-1)
	}
	return d.Pixels[i*cifar.ImageSize:][:cifar.ImageSize], cifar.Classes[d.Labels[i]], nil
}
