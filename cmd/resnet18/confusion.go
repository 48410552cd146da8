package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/imagefolder"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/metrics"
)

// validateConfusion checks -confusion.
func (a *app) validateConfusion(files []string) error {
	switch {
	case a.confusion == "":
		return nil
	case a.confusion == "-" && a.asJSON:
		return usagef("got -json and -confusion -, want only one of them")
	case a.confusion != "-" && !isFigure(a.confusion):
		return usagef("-confusion is %s, want a name that ends with .svg or .png, or -", a.confusion)
	case len(files) > 1:
		return usagef("got -confusion and %d files of weights, want at most one", len(files))
	case a.confusion != "-":
		if _, err := os.Stat(filepath.Dir(a.confusion)); err != nil { // known before the evaluation, not after it
			return fmt.Errorf("-confusion %s: its folder: %w", a.confusion, err)
		}
	}
	return nil
}

// checkConfusionFits checks that the data's classes fit into a figure, before they are evaluated.
func (a *app) checkConfusionFits(classes int) error {
	if a.confusion == "" || a.confusion == "-" || classes <= chart.MaxClasses {
		return nil
	}
	return fmt.Errorf("-confusion %s: a figure shows at most %d classes, the data has %d; -confusion - prints the matrix", a.confusion, chart.MaxClasses, classes)
}

// checkClasses checks that a model was trained on the classes of the data. Weights whose file names no classes, such as PyTorch's, get
// the data's if there are as many, except ten: such a file may be a model of CIFAR-10.
func (a *app) checkClasses(l *lab.Lab, m *savedModel) error {
	own, classes := m.Classes(), cifar.Classes[:]
	if l.Own != nil {
		classes = l.Own.Classes
	}
	switch {
	case l.Own == nil && own != nil:
		return fmt.Errorf("%s was trained on your own %d classes (%s), not on CIFAR-10's: name their folder with -data", m.LoadedFrom(), len(own), imagefolder.Names(own))
	case own == nil && m.network.NumClasses < len(classes):
		return fmt.Errorf("%s has %d outputs, want at least %d, one for each class of the test set", m.LoadedFrom(), m.network.NumClasses, len(classes))
	case l.Own == nil:
		return nil
	case own == nil && len(classes) != len(cifar.Classes) && m.network.NumClasses == len(classes):
		fmt.Fprintf(a.err, "resnet18: %s does not name its classes; assuming the data's, in this order: %s\n", m.LoadedFrom(), imagefolder.Names(classes))
		m.NameClasses(classes)
		return nil
	case !slices.Equal(m.ClassNames(), classes):
		return fmt.Errorf("%s was trained on %d classes (%s), %s has %d (%s)", m.LoadedFrom(), len(m.ClassNames()), imagefolder.Names(m.ClassNames()),
			l.Own.Folder, len(classes), imagefolder.Names(classes))
	}
	train, err := l.Data(cifar.Train)
	if err == nil && m.TrainedOn() != "" && m.TrainedOn() != train.Fingerprint() {
		fmt.Fprintf(a.err, "resnet18: the training pictures in %s are not those that %s was trained on: it may have seen pictures of this test set\n",
			l.Own.Folder, m.LoadedFrom())
	}
	return err
}

// showConfusion draws or prints the confusion matrix of the test set, if -confusion asks for it.
func (a *app) showConfusion(t testResult) error {
	if a.confusion == "" {
		return nil
	}
	names := t.test.ClassNames()
	counts, outside := metrics.ConfusionMatrixOf(t.predictions, len(names))
	if outside > 0 {
		fmt.Fprintf(a.err, "resnet18: %d of %d predictions are none of the %d classes; the matrix leaves them out\n", outside, len(t.predictions), len(names))
	}
	if a.confusion == "-" {
		return a.printConfusion(counts, metrics.Recall(t.predictions, len(names)), names)
	}
	figure, err := chart.Confusion(counts, names)
	if err != nil {
		return err
	}
	return figure.Save(a.confusion)
}

// printConfusion prints a row for each true class, with its recall, and a column for each predicted one.
func (a *app) printConfusion(counts [][]int, recalls []float64, names []string) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "true\\predicted\t%s\trecall\t\n", strings.Join(names, "\t"))
	for class, recall := range recalls {
		fmt.Fprintf(w, "%s\t", names[class])
		for _, n := range counts[class] {
			fmt.Fprintf(w, "%d\t", n)
		}
		fmt.Fprintf(w, "%.1f%%\t\n", 100*recall)
	}
	return w.Flush()
}
