package runner

import (
	"encoding/json"
	"fmt"
	"slices"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

// about is what the current weights have been trained on.
type about struct {
	classes []string // names of the classes; nil for CIFAR-10's
	data    string   // fingerprint of the training images, in the best model of own classes; "" if unknown
}

// Keys of a model's metadata. Foreign files may have a "classes" of something else.
const (
	classesKey = "nndl.classes" // JSON: a list of names
	dataKey    = "data"
)

// Classes returns the names of the classes that the current weights were trained on, or nil for CIFAR-10's.
func (r *Runner) Classes() []string { return r.about.classes }

// ClassNames returns the names of the classes that the current weights were trained on.
func (r *Runner) ClassNames() []string {
	if r.about.classes == nil {
		return cifar.Classes[:]
	}
	return r.about.classes
}

// NameClasses gives the names of the classes for weights whose file does not name them.
func (r *Runner) NameClasses(names []string) { r.about.classes = names }

// ClassName returns the name of an output.
func (r *Runner) ClassName(i int) string { return metrics.OutputName(r.ClassNames(), i) }

// TrainedOn returns the fingerprint of the images that the current weights were trained on, or "" if the file that they come from
// does not say so.
func (r *Runner) TrainedOn() string { return r.about.data }

// readAbout reads what a file of weights says.
func readAbout(f *safetensors.File) (a about, err error) {
	a.data = f.Metadata[dataKey]
	if text := f.Metadata[classesKey]; text != "" {
		if err := json.Unmarshal([]byte(text), &a.classes); err != nil {
			return a, fmt.Errorf("%w: names of the classes: %w", ErrCorrupt, err)
		}
	}
	return a, nil
}

// outputs returns the number of the model's outputs, or 0 if it has no last layer "fc".
func outputs(params []nn.Param) int {
	for _, p := range slices.Backward(params) {
		if nn.IsHead(p.Name) {
			return p.Dims[len(p.Dims)-1]
		}
	}
	return 0
}

// checkClasses checks that a model has an output for each class, and that both sets have the same classes.
func (r *Runner) checkClasses(trainData, dev *cifar.Dataset) error {
	names := trainData.ClassNames()
	if n := outputs(r.model.Params()); n > 0 && n < len(names) {
		return fmt.Errorf("runner: %d classes for a network with %d outputs: want at least one output for each", len(names), n)
	}
	if !slices.Equal(trainData.ClassNames(), dev.ClassNames()) {
		return fmt.Errorf("runner: the classes of %s and %s differ: want the same", trainData.Split, dev.Split)
	}
	return nil
}
