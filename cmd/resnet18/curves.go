package main

import (
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/runner"
)

func (a *app) curves() *cobra.Command {
	c := &cobra.Command{
		Use: "curves [flags] FILE.svg", Short: "Draw a run's loss and accuracy.", Args: arguments(1, 1, "FILE.svg, FILE.png or - (SVG to stdout)"),
		Long: `Draws the loss and accuracy of a run, complete or not, from its newest checkpoint: as SVG or PNG by the file's extension, or as
SVG to stdout if FILE is -.`,
		RunE: func(_ *cobra.Command, args []string) error { return a.runCurves(args[0]) },
	}
	a.savedRunFlags(c)
	a.imagesFlag(c, "`NUMBER`: use the run that was trained on this many images")
	a.bfloat16Flag(c)
	c.ValidArgsFunction = completeFiles("svg", "png")
	return c
}

// isFigure reports whether a figure can be saved under this name.
func isFigure(name string) bool {
	extension := strings.ToLower(filepath.Ext(name))
	return extension == ".svg" || extension == ".png"
}

func (a *app) runCurves(file string) error {
	if err := a.validate(); err != nil {
		return err
	}
	if file != "-" && !isFigure(file) {
		return usagef("%s has the extension %q, want .svg or .png", file, filepath.Ext(file))
	}
	b, err := backend.New("go", io.Discard)
	if err != nil {
		return err
	}
	r, err := runner.New(b, a.network(), a.runDir(), runner.Config{})
	if err != nil {
		return err
	}
	defer r.Finalize()
	r.Out = a.err
	if err := r.LoadHistory(); err != nil {
		return err
	}
	figure, err := lab.Curves(a.runName(), &r.History)
	if err != nil {
		return err
	}
	if file == "-" {
		_, err := a.out.Write(figure.SVG())
		return err
	}
	return figure.Save(file)
}
