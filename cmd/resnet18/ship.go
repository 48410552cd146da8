package main

import (
	"bytes"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/experiments"
	"nndl.example/resnet18/pkg/imagefolder"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/runner"
)

// smallestDType asks for the smallest type that keeps the accuracy.
const smallestDType = "smallest"

// maxLoss is how much test accuracy the smallest type may cost: 0.1 points.
const maxLoss = 0.001

func (a *app) ship() *cobra.Command {
	c := &cobra.Command{
		Use: "ship [flags] FILE", Short: "Write the best model in the compact form that comes with the project.", Args: arguments(1, 1, "FILE"),
		Long: `Writes the best model of a run in the compact form of package pretrained: without the weights that no pixel reaches, rounded,
gzipped, with the training's history. The files in data/weights are embedded in the command and the notebooks, which use them
until the reader has trained a network:

    resnet18 ship -model library data/weights/library.safetensors.gz
    resnet18 ship -run handbuilt data/weights/custom.safetensors.gz      notebook 06's, or -model custom
    resnet18 ship -experiment modern-muon data/weights/modern.safetensors.gz

It measures the types F32, BF16, F16 and I8 (int8 with a scale for each output channel) on the test set, prints a line for each,
and writes the smallest file whose accuracy is at most 0.1 points below that of float32. The file's metadata has both
accuracies, the number of test images whose answer differs, the origin of the data, the run, this commit and this command.`,
		RunE: func(c *cobra.Command, args []string) error { return a.runShip(args[0], commandLine(c, args)) },
	}
	a.savedRunFlags(c)
	flags(c).StringVar(&a.row, "experiment", "", "`NAME`: row of notebook 07 whose run is used, with its test-time augmentation")
	choices(c, "experiment", rowNames())
	flags(c).StringVar(&a.dtype, "dtype", smallestDType, "`TYPE`: F32, BF16, F16, I8, or smallest, the one that is described above")
	choices(c, "dtype", append([]string{smallestDType}, pretrained.DTypes...))
	flags(c).StringVar(&a.commit, "commit", "", "`HASH`: commit of this program (default: that of the folder, as git says)")
	a.imagesFlag(c, "`NUMBER`: use the run that was trained on this many images, and as many test images")
	a.backendFlags(c)
	a.downloadFlag(c)
	c.ValidArgsFunction = completeFiles("gz")
	return c
}

func (a *app) runShip(file, command string) error {
	if err := a.validateShip(); err != nil {
		return err
	}
	if a.commit == "" {
		var err error
		if a.commit, err = gitCommit(); err != nil {
			return err
		}
	}
	l, err := a.lab(1)
	if err != nil {
		return err
	}
	r, err := a.trainedRun(l)
	if err != nil {
		return err
	}
	defer r.Finalize()
	if own := r.Classes(); own != nil {
		return fmt.Errorf("%s was trained on %d classes (%s), but ship measures on CIFAR-10's test set", r.LoadedFrom(), len(own), imagefolder.Names(own))
	}
	test, err := l.Data(cifar.Test)
	if err != nil {
		return err
	}
	info := pretrained.Info{
		TestImages: test.Len(), Evaluation: augmentation(r.Config.Recipe), Data: test.Origin,
		Run: filepath.Base(r.Dir()), Commit: a.commit, Command: command,
	}
	c, err := a.chooseCompact(r, test, info)
	if err != nil {
		return err
	}
	if err := lab.WriteFile(file, c.file); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s: %s, %d bytes\n", file, c.info.DType, len(c.file))
	return nil
}

func (a *app) validateShip() error {
	if types := append(slices.Clone(pretrained.DTypes), smallestDType); !slices.Contains(types, a.dtype) {
		return usagef("-dtype is %q, want %s", a.dtype, oneOf(types))
	}
	if a.row != "" && a.run != "" {
		return usagef("got -run and -experiment, want only one of them")
	}
	return a.validate()
}

// trainedRun returns a runner with the best model and the history of the run that the flags name.
func (a *app) trainedRun(l *lab.Lab) (*runner.Runner, error) {
	if a.row != "" {
		row, err := experiments.Find(a.row)
		if err != nil {
			return nil, err
		}
		return experiments.Trained(l, row)
	}
	if err := a.checkModel(); err != nil {
		return nil, err
	}
	m, err := a.open(l.Backend, "")
	if err != nil {
		return nil, err
	}
	if err := m.LoadHistory(); err != nil {
		m.Finalize()
		return nil, err
	}
	return m.Runner, nil
}

// compact is a file of a model, with what it was measured to be.
type compact struct {
	file []byte
	info pretrained.Info
}

// chooseCompact measures the model in each type, prints a line for each and returns the one that -dtype asks for.
func (a *app) chooseCompact(r *runner.Runner, test *cifar.Dataset, info pretrained.Info) (chosen compact, err error) {
	before, err := r.Predict(test.Pixels)
	if err != nil {
		return chosen, err
	}
	info.AccuracyFloat32 = accuracyOf(before, test.Labels)
	info.DType = pretrained.DTypes[0]
	exact, err := compactFile(r, info) // float32, from which each type starts
	if err != nil {
		return chosen, err
	}
	fmt.Fprintf(a.out, "%-5s %10s %9s %16s %15s\n", "type", "bytes", "accuracy", "changed answers", "largest change")
	for _, dtype := range pretrained.DTypes {
		info.DType = dtype
		c, largest, err := measure(r, exact, test, before, info)
		if err != nil {
			return chosen, err
		}
		if dtype == pretrained.DTypes[0] && largest > 1e-3 {
			return chosen, fmt.Errorf("without the weights that no pixel reaches, a logit changes by %g: some pixel does reach them", largest)
		}
		fmt.Fprintf(a.out, "%-5s %10d %9.4f %16d %15.2g\n", dtype, len(c.file), c.info.Accuracy, c.info.Changed, largest)
		smaller := chosen.file == nil || len(c.file) < len(chosen.file) && info.AccuracyFloat32-c.info.Accuracy <= maxLoss
		if a.dtype == dtype || a.dtype == smallestDType && smaller {
			chosen = c
		}
	}
	return chosen, nil
}

// measure writes the exact weights as info.DType, reads them back and predicts the test set with them. It returns the file, with
// what was measured in its metadata, and the largest change of a logit.
func measure(r *runner.Runner, exact []byte, test *cifar.Dataset, before [][]float32, info pretrained.Info) (c compact, largest float64, err error) {
	convert := func() (file []byte, err error) {
		if _, err := r.LoadCompact(exact, "float32"); err != nil {
			return nil, err
		}
		return compactFile(r, info)
	}
	file, err := convert()
	if err != nil {
		return c, 0, err
	}
	if _, err := r.LoadCompact(file, info.DType); err != nil {
		return c, 0, err
	}
	after, err := r.Predict(test.Pixels)
	if err != nil {
		return c, 0, err
	}
	info.Accuracy = accuracyOf(after, test.Labels)
	for i, row := range after {
		if best(row) != best(before[i]) {
			info.Changed++
		}
		for j, logit := range row {
			largest = max(largest, math.Abs(float64(logit-before[i][j])))
		}
	}
	file, err = convert()
	return compact{file, info}, largest, err
}

func compactFile(r *runner.Runner, info pretrained.Info) ([]byte, error) {
	var b bytes.Buffer
	err := r.WriteCompact(&b, info)
	return b.Bytes(), err
}

func accuracyOf(logits [][]float32, labels []uint16) float64 {
	return metrics.Accuracy(metrics.Predictions(logits, labels))
}

func best(logits []float32) int { return slices.Index(logits, slices.Max(logits)) }

// augmentation describes a recipe's test-time augmentation.
func augmentation(r runner.Recipe) string {
	only := runner.Recipe{FlipAverage: r.FlipAverage, ShiftAverage: r.ShiftAverage}
	if only == (runner.Recipe{}) {
		return ""
	}
	return only.String()
}

// commandLine is the command with the flags that were set.
func commandLine(c *cobra.Command, args []string) string {
	var words []string
	c.Flags().Visit(func(f *pflag.Flag) { words = append(words, "-"+f.Name+"="+f.Value.String()) })
	return c.CommandPath() + " " + shellescape.QuoteCommand(append(words, args...))
}

// gitCommit returns the commit of the current folder's repository, with "-dirty" if files have changed since.
func gitCommit() (string, error) {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*").Output()
	if err != nil {
		return "", fmt.Errorf("git describe: %w: run this in the project's folder, or name the commit with -commit", err)
	}
	return strings.TrimSpace(string(out)), nil
}
