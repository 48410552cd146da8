package resnet

import (
	"fmt"

	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
)

// CopyWeights copies weights to a network from one with at least as many classes. From a wider last layer it takes the first
// NumClasses outputs, so both networks compute the same logits for these classes.
func CopyWeights(to *model.Store, toConfig Config, from *model.Store, fromConfig Config) error {
	source := map[string]nn.Param{}
	for _, p := range fromConfig.Params() {
		source[p.Name] = p
	}
	for _, p := range toConfig.Params() {
		q, ok := source[p.Name]
		if !ok {
			return fmt.Errorf("resnet: copying weights: %s has no %s", fromConfig, p.Name)
		}
		values, err := nn.Values(from, q)
		if err != nil {
			return err
		}
		last := len(p.Dims) - 1
		width, sourceWidth := p.Dims[last], q.Dims[last]
		if len(q.Dims) != len(p.Dims) || sourceWidth < width || len(values)/sourceWidth != p.Size()/width {
			return fmt.Errorf("resnet: copying weights: %s is %v in the source, want %v", p.Name, q.Dims, p.Dims)
		}
		narrow := make([]float32, 0, p.Size())
		for i := 0; i < len(values); i += sourceWidth {
			narrow = append(narrow, values[i:i+width]...)
		}
		if err := nn.SetValues(to, p, narrow); err != nil {
			return err
		}
	}
	return nil
}
