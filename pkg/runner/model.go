package runner

import (
	"fmt"
	"io"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

// SaveModel writes the weights and running statistics as safetensors with torchvision's names and layouts.
func (r *Runner) SaveModel(path string) error {
	if err := WriteAtomically(path, r.writeModel); err != nil {
		return fmt.Errorf("runner: saving a model: %w", err)
	}
	return nil
}

func (r *Runner) writeModel(w io.Writer) error {
	return nn.WriteWeights(w, r.store, r.model.Params(), map[string]string{"format": "pt", "model": r.model.String()})
}

// LoadModel sets the weights and running statistics from a file that SaveModel or PyTorch wrote.
func (r *Runner) LoadModel(path string) error { return r.load(path, nn.ReadWeights) }

// LoadFeatures is LoadModel for a file whose last layer has another number of outputs, as torchvision's weights
// for ImageNet have: the last layer stays as it is, fresh after New, and all others are set. (Those weights also expect
// another normalisation, with the means and deviations of ImageNet; further training makes up for it.)
func (r *Runner) LoadFeatures(path string) error { return r.load(path, nn.ReadFeatures) }

func (r *Runner) load(path string, read func(*safetensors.File, *model.Store, []nn.Param) error) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return fmt.Errorf("runner: loading a model: %w", err)
	}
	defer f.Close()
	if err := read(f, r.store, r.model.Params()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
