package runner

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
)

// preciseNorm builds the graph of precise batch norm: it applies the model to a batch of images in training mode, without
// changing the weights, and makes the running statistics r the mean of the batches' statistics s. With i = 0, 1, … the batch's
// number,
//
//	r ← s for i = 0, otherwise r + (s - r)/(i+1)
//
// (PreciseBN: Wu and Johnson 2021, arXiv:2105.07576, section 3). The model itself moves its running statistics by
// (1-nn.Momentum)·(s - r), which is (1-nn.Momentum)·s if they start from 0.
func preciseNorm(b compute.Backend, store *model.Store, logits func(*model.Scope, *graph.Node) *graph.Node) (*model.Exec, error) {
	return model.NewExec(b, store, func(scope *model.Scope, images, i *graph.Node) *graph.Node {
		g := images.Graph()
		scope.Store().SetTraining(g, true)
		var statistics []*model.Variable
		var before []*graph.Node
		for v := range scope.IterVariables() {
			if strings.HasPrefix(v.Name(), "running_") {
				statistics, before = append(statistics, v), append(before, v.NodeValue(g))
				v.SetNodeValue(graph.ZerosLike(v.NodeValue(g)))
			}
		}
		logits(scope, images)
		for k, v := range statistics {
			batch := graph.MulScalar(v.NodeValue(g), 1/(1-nn.Momentum))
			mean := graph.Add(before[k], graph.Div(graph.Sub(batch, before[k]), graph.OnePlus(i)))
			v.SetNodeValue(graph.Where(graph.Equal(i, graph.ZerosLike(i)), batch, mean)) // for i = 0 the mean is only nearly s
		}
		return i // an Exec must return something
	})
}

// setPreciseNorm runs preciseNorm on the first training images, if the recipe asks for it. Nothing of the earlier statistics
// remains, so a resumed run gets the same ones.
func (t *training) setPreciseNorm() error {
	d := t.train
	size := min(t.Config.BatchSize, d.Len())
	for i := range min(t.Config.Recipe.PreciseNorm, d.Len()/size) {
		images := tensors.FromFlatDataAndDimensions(d.Pixels[i*size*cifar.ImageSize:][:size*cifar.ImageSize],
			size, cifar.Height, cifar.Width, cifar.Channels)
		out, err := t.norm.Call1(images, float32(i))
		err = errors.Join(err, images.FinalizeAll())
		if err == nil {
			err = out.FinalizeAll()
		}
		if err != nil {
			return fmt.Errorf("runner: batch norm's statistics after step %d: %w", t.step-1, err)
		}
	}
	return nil
}
