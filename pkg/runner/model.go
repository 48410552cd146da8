package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

// SaveModel writes the weights and running statistics as safetensors with PyTorch's names and layouts.
func (r *Runner) SaveModel(path string) error {
	file, err := r.modelFile(nil)
	if err == nil {
		err = atomicfile.WriteBytes(path, file)
	}
	if err != nil {
		return fmt.Errorf("runner: saving a model: %w", err)
	}
	return nil
}

// WriteModel writes what SaveModel does to w.
func (r *Runner) WriteModel(w io.Writer) error {
	file, err := r.modelFile(nil)
	if err == nil {
		_, err = w.Write(file)
	}
	if err != nil {
		return fmt.Errorf("runner: writing a model: %w", err)
	}
	return nil
}

// modelFile returns the file of a model in memory, with its digest and further metadata.
func (r *Runner) modelFile(more map[string]string) ([]byte, error) {
	metadata := map[string]string{"format": "pt", "model": r.model.String(), digestKey: placeholder}
	if r.about.classes != nil {
		names, err := json.Marshal(r.about.classes)
		if err != nil {
			return nil, err
		}
		metadata[classesKey] = string(names)
	}
	maps.Copy(metadata, more)
	size := 1 << 16 // the header
	for _, p := range r.model.Params() {
		size += 4 * p.Size()
	}
	var b bytes.Buffer
	b.Grow(size) // growing step by step would take twice the memory
	if err := nn.WriteWeights(&b, r.store, r.model.Params(), metadata); err != nil {
		return nil, err
	}
	return b.Bytes(), setDigest(b.Bytes())
}

// LoadModel sets the weights and running statistics from a file that SaveModel or PyTorch wrote. It returns ErrCorrupt if
// the file is not a safetensors file or does not match its digest, ErrArchitecture if its weights are of another architecture,
// and nn.ErrValues if they contain NaN or infinity. After an error the weights are unchanged. For the run's own best model, use
// LoadBest.
func (r *Runner) LoadModel(path string) error { return r.loadFile(path, nn.ReadWeights) }

// LoadFeatures is like LoadModel for a file with another number of outputs, such as torchvision's weights for ImageNet: it
// leaves the last layer as it is, fresh after New, and sets all others. (Those weights expect inputs normalised with
// ImageNet's means and standard deviations; further training adapts them.)
func (r *Runner) LoadFeatures(path string) error {
	err := r.loadFile(path, nn.ReadFeatures)
	if err == nil {
		r.about = about{} // the last layer knows no classes yet
	}
	return err
}

// reader is nn.ReadWeights or nn.ReadFeatures.
type reader func(*safetensors.File, *model.Store, []nn.Param) error

func (r *Runner) loadFile(path string, read reader) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return fmt.Errorf("runner: loading a model: %w", asCorrupt(err))
	}
	defer f.Close()
	if f.Metadata[digestKey] != "" {
		err = checkDigest(f)
	}
	var a about
	if err == nil {
		a, err = readAbout(f)
	}
	if err == nil {
		err = read(f, r.store, r.model.Params())
	}
	if err != nil {
		return fmt.Errorf("runner: loading %s: %w", path, err)
	}
	if prefix := nn.NamePrefix(f, r.model.Params()); prefix != "" {
		fmt.Fprintf(r.Out, "(the names in %s begin with %q, which is ignored)\n", path, prefix)
	}
	r.loadedFrom, r.about = path, a
	return nil
}
