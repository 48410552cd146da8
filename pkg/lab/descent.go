package lab

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// Walk moves a single weight through the given gradients with an optimizer of the training, and returns where it
// ends. The loss is gradient·weight, whose gradient is the given one.
func Walk(b compute.Backend, o optimizer.Interface, weight float32, gradients []float64) (float32, error) {
	w, err := newWalk(b, o, []float32{weight}, func(weights, gradient *graph.Node) *graph.Node {
		return graph.Mul(graph.ReduceAllSum(weights), gradient)
	})
	if err != nil {
		return 0, err
	}
	defer w.step.Finalize()
	for _, g := range gradients {
		if _, err := w.loss(float32(g)); err != nil {
			return 0, err
		}
	}
	v, err := w.store.GetVariable(walkPath).Value()
	if err != nil {
		return 0, fmt.Errorf("lab: the weight after its walk: %w", err)
	}
	return v.Value().([]float32)[0], nil
}

// Valley descends (steepness·a² + b²)/2 from (1, 1) and returns the loss before each step.
func Valley(b compute.Backend, o optimizer.Interface, steepness float32, steps int) (losses []float64, err error) {
	w, err := newWalk(b, o, []float32{1, 1}, func(weights, half *graph.Node) *graph.Node {
		curvature := graph.Const(weights.Graph(), []float32{steepness, 1})
		return graph.Mul(graph.ReduceAllSum(graph.Mul(curvature, graph.Square(weights))), half)
	})
	if err != nil {
		return nil, err
	}
	defer w.step.Finalize()
	for range steps {
		loss, err := w.loss(0.5)
		if err != nil {
			return nil, err
		}
		losses = append(losses, float64(loss))
	}
	return losses, nil
}

// walk is a model that consists of a few weights and a loss.
type walk struct {
	store *model.Store
	step  *model.Exec
}

const walkPath = "/weights"

func newWalk(b compute.Backend, o optimizer.Interface, start []float32, loss func(weights, input *graph.Node) *graph.Node) (*walk, error) {
	w := &walk{store: model.NewStore()}
	if _, err := w.store.CreateVariable(walkPath, tensors.FromFlatDataAndDimensions(start, len(start))); err != nil {
		return nil, fmt.Errorf("lab: walk: %w", err)
	}
	var err error
	w.step, err = model.NewExec(b, w.store, func(s *model.Scope, input *graph.Node) *graph.Node {
		l := loss(s.Store().GetVariable(walkPath).NodeValue(input.Graph()), input)
		o.UpdateGraph(s, input.Graph(), l)
		return l
	})
	return w, err
}

// loss makes one step and returns the loss before it.
func (w *walk) loss(input float32) (float32, error) {
	out, err := w.step.Call1(input)
	if err != nil {
		return 0, fmt.Errorf("lab: walk: %w", err)
	}
	defer out.MustFinalizeAll()
	return tensors.ToScalar[float32](out), nil
}
