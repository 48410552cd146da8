package main

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/experiments"
)

func (a *app) experiment() *cobra.Command {
	c := &cobra.Command{
		Use: "experiment [flags] NAME|list", Short: "Train a row of notebook 07's table.", Args: arguments(1, 1, "NAME|list"),
		Long: `Trains a row of notebook 07's table in WORK/runs/exp-NAME and writes its result to a file; "list" shows the rows. Ctrl-C stops
and saves, and the same command resumes.

With -epochs or -train-images the row is another experiment: its run and its result have these numbers in their names, and the
result goes into WORK/results.`,
		RunE: func(_ *cobra.Command, args []string) error { return a.runExperiment(args[0]) },
	}
	f := flags(c)
	f.IntVar(&a.epochs, "epochs", 0, "`NUMBER`: passes over the training set (default: the row's)")
	a.imagesFlag(c, "`NUMBER`: use only this many images of each set (default: the row's)")
	f.StringVar(&a.results, "results", "", "`FOLDER`: folder for the result (default: "+filepath.Join("notebooks", "results")+")")
	c.MarkFlagDirname("results")
	a.workFlag(c)
	a.backendFlags(c)
	a.devicesFlag(c)
	a.downloadFlag(c)
	c.ValidArgsFunction = cobra.FixedCompletions(append(rowNames(), "list"), cobra.ShellCompDirectiveNoFileComp)
	return c
}

func rowNames() (names []string) {
	for _, row := range experiments.Rows() {
		names = append(names, row.Name)
	}
	return names
}

func (a *app) runExperiment(name string) error {
	if err := cmp.Or(a.validate(), atLeast1("devices", a.devices)); err != nil {
		return err
	}
	if a.epochs < 0 {
		return usagef("-epochs is %d, want at least 1", a.epochs)
	}
	if name == "list" {
		width := 0
		for _, name := range rowNames() {
			width = max(width, len(name))
		}
		for _, row := range experiments.Rows() {
			fmt.Fprintf(a.out, "%-*s %s\n", width, row.Name, row.Change)
		}
		return nil
	}
	row, err := experiments.Find(name)
	if err != nil {
		return err
	}
	name, results := a.shorten(&row)
	l, err := a.lab(max(1, row.Config.Epochs))
	if err != nil {
		return err
	}
	result, err := experiments.Run(l, row)
	if err != nil {
		return err // a stopped training has said how to resume
	}
	result.Name = name
	path, err := result.Write(results)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "[Test] accuracy/loss: %s/%.4f; %.0f minutes, %.4f PFLOP; %s\n", result.Test(),
		result.TestLoss, result.Seconds/60, result.FLOPs/1e15, path)
	return nil
}

// shorten applies -epochs to a row. It returns the name of the result and the folder for it. With -epochs or -train-images they
// are not the row's, and neither is its run.
func (a *app) shorten(row *experiments.Row) (name, results string) {
	full := row.Name
	if a.epochs > 0 && a.epochs != cmp.Or(row.Config.Epochs, chapterEpochs) {
		row.Config.Epochs = a.epochs
		if row.WithDev {
			row.Config.EvalSteps = math.MaxInt32 // once, at the end
		}
		row.Name += fmt.Sprintf("-%d-epochs", a.epochs)
	}
	name = row.Name
	if a.images > 0 {
		name += fmt.Sprintf("-%d-images", a.images) // the lab gives such a run its own folder
	}
	if name != full {
		row.Repeats = "" // it is no seed of the full row
	}
	switch {
	case a.results != "":
		return name, a.results
	case name != full:
		return name, filepath.Join(a.work, "results")
	}
	return name, filepath.Join("notebooks", "results")
}
