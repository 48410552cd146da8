package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
)

// validate checks the values of the flags that several commands share, and replaces each by its usual form.
func (a *app) validate() error {
	switch {
	case a.model != "" && !slices.Contains(models, a.model):
		return usagef("-model is %q, want %s", a.model, oneOf(models))
	case a.stem != "" && !slices.Contains(stems, a.stem):
		return usagef("-stem is %q, want %s", a.stem, oneOf(stems))
	case a.model != "" && !slices.Contains(resnet.Depths(), a.depth):
		return usagef("-depth is %d, want 18 or 34", a.depth)
	case a.images < 0:
		return usagef("-train-images is %d, want 0 (all) or more", a.images)
	case a.run == "." || a.run == ".." || strings.ContainsAny(a.run, `/\`):
		return usagef("-run is %q, want the name of a folder in WORK/runs", a.run)
	}
	if a.model == "plain" { // another name of -model custom -plain
		a.model, a.plain = "custom", true
	}
	var err error
	if a.work, err = lab.CleanPath(a.work); err != nil {
		return usagef("-work is %v", err)
	}
	return a.validateData()
}

// validateData checks -data. The user's folder is only read, so WORK must be elsewhere.
func (a *app) validateData() (err error) {
	if a.pictures == "" {
		return nil
	}
	if a.pictures, err = lab.CleanPath(a.pictures); err != nil {
		return usagef("-data is %v", err)
	}
	folder, err1 := filepath.Abs(a.pictures)
	work, err2 := filepath.Abs(a.work)
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	inside, err := filepath.Rel(folder, work)
	if err == nil && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
		return usagef("-work is %s, in the folder of -data, which is only read: choose another", a.work)
	}
	a.pictures = folder
	return nil
}

// validateSaved checks the flags of commands that use a trained model.
func (a *app) validateSaved() error {
	if err := a.validate(); err != nil {
		return err
	}
	if a.weights != "" && a.run != "" {
		return usagef("got -run and -weights, want only one of them")
	}
	return nil
}

// atLeast1 checks the flags that count epochs and devices.
func atLeast1(flag string, value int) error {
	if value < 1 {
		return usagef("-%s is %d, want at least 1", flag, value)
	}
	return nil
}

// oneOf returns "a, b or c".
func oneOf(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// network returns the network that the flags describe.
func (a *app) network() resnet.Config {
	c := resnet.Library()
	if a.model != "library" {
		c = resnet.Custom(3, 10, true)
	}
	c.Plain = a.plain
	if a.classes != nil {
		c.NumClasses = len(a.classes)
	}
	c.Stem = resnet.Stem(a.stem)
	c.Depth = max(a.depth, c.Depth)
	c.BFloat16 = a.bfloat16
	return c
}

// info returns the writer for all output but results: with -json it is discarded.
func (a *app) info() io.Writer {
	if a.asJSON {
		return io.Discard
	}
	return a.out
}

// lab finds the data, starts the backend and prints what they are.
func (a *app) lab(epochs int) (*lab.Lab, error) {
	l, err := lab.New(a.settings(epochs))
	if err == nil {
		fmt.Fprintln(a.info(), l)
		if l.Own != nil {
			a.classes = l.Own.Classes
		}
	}
	return l, err
}

func (a *app) settings(epochs int) lab.Settings {
	return lab.Settings{
		Work: a.work, Pictures: a.pictures, Epochs: epochs, TrainImages: a.images, Devices: max(1, a.devices), Backend: a.backend, Download: a.download, Out: a.info(),
	}
}
