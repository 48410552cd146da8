package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/spf13/cobra"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/picture"
)

func (a *app) predict() *cobra.Command {
	c := &cobra.Command{
		Use: "predict [flags] INDEX|FILE...", Short: "Classify test images or pictures.",
		Args: arguments(1, 1<<30, "INDEX|FILE..."),
		Long: `Classifies test images (CIFAR-10's are 0 to 9999) and PNG, JPEG, GIF or WebP files of any size, whose middle square is scaled
to 32×32. The model is the best of a run, or the weights in a file. Before any training it is the one that comes with the
project, and a line on stderr says so. The classes are those that the model was trained on. If one input fails, the others are
still classified, and the exit code is 1. For a file whose name is a number, write ./2.

With -json each input is one line, an object with these fields:
  input         the argument
  class         name of the most probable class
  index         its number, from 0
  probability   its probability, from 0 to 1
  true_class    name of the true class; for test images only
  top           the five most probable classes, each with class, index and probability
  file          path of the weights
  network       the network, in words`,
		RunE: func(_ *cobra.Command, args []string) error { return a.runPredict(args) },
	}
	a.savedRunFlags(c)
	a.dataFlag(c, "`FOLDER`: use the run that was trained on your own pictures there, or on CIFAR-100's archive, and their test set")
	a.weightsFlag(c)
	a.jsonFlag(c)
	a.imagesFlag(c, "`NUMBER`: use the run that was trained on this many images, and as many test images")
	a.bfloat16Flag(c)
	a.backendFlags(c)
	a.downloadFlag(c)
	c.ValidArgsFunction = completeFiles("png", "jpg", "jpeg", "gif", "webp")
	return c
}

// subject is an image to classify.
type subject struct {
	input  string // the argument
	pixels []uint8
	truth  string // name of the true class; "" if unknown
}

func (a *app) runPredict(args []string) error {
	if err := a.validateSaved(); err != nil {
		return err
	}
	if a.weights == "" {
		if err := a.checkModel(); err != nil && !a.usesShipped() {
			return err
		}
	}
	l, err := a.predictLab(args)
	if err != nil {
		return err
	}
	m, err := a.open(l.Backend, a.weights)
	if err != nil {
		return err
	}
	defer m.Finalize()
	testSet := sync.OnceValues(func() (*cifar.Dataset, error) {
		if err := a.checkClasses(l, m); err != nil {
			return nil, err
		}
		return l.Data(cifar.Test)
	})
	var subjects []subject
	var pixels []uint8
	for _, arg := range args {
		s, err := loadSubject(testSet, arg)
		if err != nil {
			a.report(err)
			continue
		}
		subjects, pixels = append(subjects, s), append(pixels, s.pixels...)
	}
	if len(subjects) == 0 {
		return errReported
	}
	logits, err := m.Predict(pixels)
	if err != nil {
		return err
	}
	for i, s := range subjects {
		if err := a.printPrediction(m, s, metrics.Softmax(logits[i]), len(args) > 1); err != nil {
			return err
		}
	}
	if len(subjects) < len(args) {
		return errReported
	}
	return nil
}

// predictLab starts the backend. It finds the data only for a test image: pictures do not need it, and the first time it has
// to be unpacked.
func (a *app) predictLab(args []string) (*lab.Lab, error) {
	for _, arg := range args {
		if _, err := strconv.Atoi(arg); err == nil {
			return a.lab(1)
		}
	}
	l, err := lab.WithoutData(a.settings(1))
	if err == nil {
		fmt.Fprintln(a.info(), l)
	}
	return l, err
}

// loadSubject reads an image: from the test set, with its true class, or from a file.
func loadSubject(testSet func() (*cifar.Dataset, error), arg string) (subject, error) {
	i, err := strconv.Atoi(arg)
	if err != nil { // not an index
		pixels, _, err := picture.Load(arg)
		return subject{arg, pixels, ""}, err
	}
	d, err := testSet()
	if err != nil {
		return subject{}, err
	}
	if i < 0 || i >= d.Len() {
		return subject{}, fmt.Errorf("there is no test image %d: want 0 to %d", i, d.Len()-1)
	}
	return subject{arg, d.Pixels[i*cifar.ImageSize:][:cifar.ImageSize], d.ClassNames()[d.Labels[i]]}, nil
}

// prediction is predict's JSON; its help describes the fields.
type prediction struct {
	Input string `json:"input"`
	candidate
	TrueClass string      `json:"true_class,omitempty"`
	Top       []candidate `json:"top"`
	File      string      `json:"file"`
	Network   string      `json:"network"`
}

type candidate struct {
	Class       string  `json:"class"`
	Index       int     `json:"index"`
	Probability float64 `json:"probability"`
}

func (a *app) printPrediction(m *savedModel, s subject, p []float64, named bool) error {
	var top []candidate
	for _, i := range metrics.TopK(p, 5) {
		top = append(top, candidate{m.ClassName(i), i, p[i]})
	}
	if a.asJSON {
		return json.NewEncoder(a.out).Encode(prediction{s.input, top[0], s.truth, top, m.path, m.network.String()})
	}
	if named {
		fmt.Fprintf(a.out, "%s: ", s.input)
	}
	if s.truth == "" {
		fmt.Fprintf(a.out, "The predicted category is %s\n", top[0].Class)
	} else {
		fmt.Fprintf(a.out, "The true category is %s and the predicted category is %s\n", s.truth, top[0].Class)
	}
	for _, c := range top {
		fmt.Fprintf(a.out, "  %-12s %5.1f%%\n", c.Class, 100*c.Probability)
	}
	return nil
}
