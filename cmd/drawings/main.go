// Drawings makes the drawings of the notebooks and of site/, in English and Chinese: `make drawings`.
//
//	go run ./cmd/drawings [-dir notebooks/drawings] [name ...]
//
// Every number and picture in them comes from the project's code, data and saved results. The drawing "features" needs a
// trained network: the run "library" in WORK, or the weights that come with the project.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
)

// language is the language of a drawing's texts, "en" or "zh".
type language string

// in returns the text in the language.
func (l language) in(en, zh string) string {
	if l == "zh" {
		return zh
	}
	return en
}

// fileName returns the name of a drawing's file.
func (l language) fileName(drawing string) string {
	return drawing + l.in(".svg", ".zh.svg")
}

// classNames returns the names of the ten classes.
func (l language) classNames() []string {
	if l == "zh" {
		return []string{"飞机", "汽车", "鸟", "猫", "鹿", "狗", "青蛙", "马", "船", "卡车"}
	}
	return cifar.Classes[:]
}

// drawing is a drawing that can be made in each language.
type drawing struct {
	name string
	draw func(l *lab.Lab, lang language) (*chart.Figure, error)
}

var drawings = []drawing{
	{"architecture", architecture},
	{"residual-block", residualBlock},
	{"convolution", convolution},
	{"classes", classes},
	{"padding", padding},
	{"results", results},
	{"features", features},
}

func main() {
	dir := flag.String("dir", filepath.Join("notebooks", "drawings"), "the folder for the files")
	flag.Parse()
	if err := run(*dir, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "drawings:", err)
		os.Exit(1)
	}
}

// run writes the named drawings to dir, or all of them.
func run(dir string, names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(drawings, func(d drawing) bool { return d.name == name }) {
			return fmt.Errorf("no drawing %q", name)
		}
	}
	l, err := lab.Start(1)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var problems []error
	for _, d := range drawings {
		if len(names) > 0 && !slices.Contains(names, d.name) {
			continue
		}
		for _, lang := range []language{"en", "zh"} {
			fig, err := d.draw(l, lang)
			if err == nil {
				err = fig.Save(filepath.Join(dir, lang.fileName(d.name)))
			}
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", lang.fileName(d.name), err))
			}
		}
	}
	return errors.Join(problems...)
}
