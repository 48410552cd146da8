package runner

import (
	"fmt"
	"io"

	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/safetensors"
)

// SaveModel writes the weights and running statistics as safetensors with torchvision's names and layouts.
func (r *Runner) SaveModel(path string) error {
	if err := writeAtomically(path, r.writeModel); err != nil {
		return fmt.Errorf("runner: saving a model: %w", err)
	}
	return nil
}

func (r *Runner) writeModel(w io.Writer) error {
	return resnet.WriteWeights(w, r.store, r.model.Params(), map[string]string{"format": "pt", "model": r.model.String()})
}

// LoadModel sets the weights and running statistics from a file that SaveModel or PyTorch wrote.
func (r *Runner) LoadModel(path string) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return fmt.Errorf("runner: loading a model: %w", err)
	}
	defer f.Close()
	if err := resnet.ReadWeights(f, r.store, r.model.Params()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
