package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/runner"
)

func (a *app) evaluate() *cobra.Command {
	c := &cobra.Command{
		Use: "evaluate [flags] [FILE.safetensors...]", Short: "Score models on the test set.",
		Long: `Scores models on the test set: the best model of a run, or those in the given files, written by export, by a run or by PyTorch.
With -data the test set is that of your own pictures or of CIFAR-100. The weights determine the network. Before any training
it scores the weights that come with the project, and says so on stderr. If one file fails, the others are still scored, and the
exit code is 1.

With -json each model is one line, an object with these fields:
  file      path of the weights
  network   the network, in words
  images    number of test images
  correct   number of images that are classified correctly
  accuracy  correct / images
  loss      mean cross-entropy, in nats
  data      origin of the images
  device    the device that computed it`,
		RunE: func(_ *cobra.Command, files []string) error { return a.runEvaluate(files) },
	}
	a.savedRunFlags(c)
	a.dataFlag(c, "`FOLDER`: score on the test set of your own pictures or CIFAR-100's archive, with the run that was trained on it")
	a.weightsFlag(c)
	flags(c).StringVar(&a.confusion, "confusion", "", "`FILE`: draw the confusion matrix, as SVG or PNG; - prints it as text")
	a.jsonFlag(c)
	a.imagesFlag(c, "`NUMBER`: use the run that was trained on this many images, and as many test images")
	a.bfloat16Flag(c)
	a.backendFlags(c)
	a.devicesFlag(c)
	a.downloadFlag(c)
	c.ValidArgsFunction = completeFiles("safetensors")
	return c
}

func (a *app) runEvaluate(files []string) error {
	if err := cmp.Or(a.validateSaved(), atLeast1("devices", a.devices)); err != nil {
		return err
	}
	if slices.Contains(files, "") { // an unset variable of the shell; open would take it for the run's best model
		return usagef("a FILE is empty, want the path of a file of weights")
	}
	if a.weights != "" {
		files = append([]string{a.weights}, files...)
	}
	if err := a.validateConfusion(files); err != nil {
		return err
	}
	if a.run != "" && len(files) > 0 {
		return usagef("got -run and a file of weights, want only one of them")
	}
	if len(files) == 0 {
		if err := a.checkModel(); err != nil && !a.usesShipped() {
			return err
		}
		files = []string{""} // the run's best model
	}
	l, err := a.lab(1)
	if err != nil {
		return err
	}
	if err := a.checkConfusionFits(len(a.classes)); err != nil {
		return err
	}
	if len(files) == 1 {
		return a.evaluateFile(l, files[0], false)
	}
	failed := false
	for _, file := range files {
		if err := a.evaluateFile(l, file, true); err != nil {
			a.report(err)
			failed = true
		}
	}
	if failed {
		return errReported
	}
	return nil
}

// evaluateFile scores the weights in a file, or the best model of the run if the path is "".
func (a *app) evaluateFile(l *lab.Lab, path string, named bool) error {
	m, err := a.open(l.Backend, path)
	if err != nil {
		return err
	}
	defer m.Finalize()
	if err := a.checkClasses(l, m); err != nil {
		return err
	}
	result, err := a.testScore(l, m.Runner)
	if err != nil {
		return err
	}
	switch {
	case a.asJSON:
		err = a.printScoreJSON(l, m, result)
	case named:
		a.printScore(result, "  "+m.path)
	default:
		a.printScore(result, "")
	}
	return cmp.Or(err, a.showConfusion(result))
}

// testResult is how a model did on the test set.
type testResult struct {
	test           *cifar.Dataset
	accuracy, loss float64
	predictions    []metrics.Prediction // if -confusion asks for the matrix
}

// testScore scores a model on the test set.
func (a *app) testScore(l *lab.Lab, r *runner.Runner) (t testResult, err error) {
	if t.test, err = l.Data(cifar.Test); err != nil {
		return t, err
	}
	if a.confusion == "" {
		t.accuracy, t.loss, err = r.Evaluate(context.Background(), t.test)
		return t, err
	}
	logits, err := r.Predict(t.test.Pixels)
	if err != nil {
		return t, err
	}
	t.predictions = metrics.Predictions(logits, t.test.Labels)
	t.accuracy = metrics.Accuracy(t.predictions)
	t.loss, _ = metrics.MeanStd(metrics.CrossEntropies(logits, t.test.Labels))
	return t, nil
}

func (a *app) printScore(t testResult, suffix string) {
	fmt.Fprintf(a.out, "[Test] accuracy/loss: %.4f/%.4f%s\n", t.accuracy, t.loss, suffix)
}

// score is evaluate's JSON; its help describes the fields.
type score struct {
	File     string  `json:"file"`
	Network  string  `json:"network"`
	Images   int     `json:"images"`
	Correct  int     `json:"correct"`
	Accuracy float64 `json:"accuracy"`
	Loss     float64 `json:"loss"`
	Data     string  `json:"data"`
	Device   string  `json:"device"`
}

func (a *app) printScoreJSON(l *lab.Lab, m *savedModel, t testResult) error {
	images := t.test.Len()
	return json.NewEncoder(a.out).Encode(score{
		File: m.path, Network: m.network.String(), Images: images, Correct: int(math.Round(t.accuracy * float64(images))),
		Accuracy: t.accuracy, Loss: t.loss, Data: t.test.Origin, Device: backend.DescribeDevices(l.Backend, l.Devices),
	})
}
