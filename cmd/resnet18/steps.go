package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/picture"
	"nndl.example/resnet18/pkg/runner"
)

func (a *app) data([]string) error {
	l, err := a.lab()
	if err != nil {
		return err
	}
	if info, err := os.Stat(l.Source.Path); err != nil || !info.IsDir() { // a folder is extracted already
		folder, members, err := cifar.Extract(l.Source.Path, l.DataDir())
		if err != nil {
			return err
		}
		for _, m := range members {
			fmt.Fprintf(a.out, "%10d  %s\n", m.Size, m.Name)
		}
		fmt.Fprintln(a.out, "in", folder)
	}
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
	complete, err := l.Train(r)
	if err != nil {
		return err
	}
	if !complete {
		return runner.ErrStopped // Train has said how to go on
	}
	return a.evaluate(nil)
}

func (a *app) evaluate([]string) error {
	r, test, err := a.trained()
	if err != nil {
		return err
	}
	defer r.Finalize()
	score, loss, err := r.Evaluate(context.Background(), test)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "[Test] accuracy/loss: %.4f/%.4f\n", score, loss)
	return nil
}

// trained loads the best model and the test set.
func (a *app) trained() (*runner.Runner, *cifar.Dataset, error) {
	c, err := a.config()
	if err != nil {
		return nil, nil, err
	}
	l, err := a.lab()
	if err != nil {
		return nil, nil, err
	}
	test, err := l.Data(cifar.Test)
	if err != nil {
		return nil, nil, err
	}
	r, err := l.Trained(a.model, c, fmt.Sprintf("\"resnet18 train -model %s\"", a.model))
	return r, test, err
}

func (a *app) predict(args []string) error {
	r, test, err := a.trained()
	if err != nil {
		return err
	}
	defer r.Finalize()
	truth := "unknown"
	var pixels []uint8
	if i, e := strconv.Atoi(args[0]); e == nil {
		if i < 0 || i >= test.Len() {
			return fmt.Errorf("test image %d, want 0 to %d", i, test.Len()-1)
		}
		pixels, truth = test.Pixels[i*cifar.ImageSize:][:cifar.ImageSize], cifar.Classes[test.Labels[i]]
	} else if pixels, _, err = picture.Load(args[0]); err != nil {
		return err
	}
	logits, err := r.Predict(pixels)
	if err != nil {
		return err
	}
	p := runner.Softmax(logits[0])
	top := runner.Top(p, 5)
	fmt.Fprintf(a.out, "The true category is %s and the predicted category is %s\n", truth, class(top[0]))
	for _, i := range top {
		fmt.Fprintf(a.out, "  %-12s %5.1f%%\n", class(i), 100*p[i])
	}
	return nil
}

// class names an output; the library model has 990 beyond the ten classes.
func class(i int) string {
	if i < cifar.NumClasses {
		return cifar.Classes[i]
	}
	return fmt.Sprintf("output %d", i)
}
