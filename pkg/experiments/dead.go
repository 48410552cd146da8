package experiments

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/resnet"
)

// DeadWeights counts the trainable weights of a fresh network whose gradient of the cross-entropy over these images, without
// L2, is exactly zero. All images make one batch.
func DeadWeights(b compute.Backend, c resnet.Config, d *cifar.Dataset) (dead, total int, err error) {
	store := model.NewStore()
	defer store.Finalize()
	if err := c.Init(store, 100); err != nil {
		return 0, 0, err
	}
	gradients, err := lab.Network{Config: c, Store: store, Backend: b}.Gradients(d)
	if err != nil {
		return 0, 0, fmt.Errorf("experiments: gradients of %v: %w", c, err)
	}
	for _, g := range gradients {
		dead += g.Zeros()
	}
	return dead, c.Summary().Params(), nil
}
