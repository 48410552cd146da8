package inspect

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// ApplyGradients applies an optimizer to a single weight with the given gradients, one per step, and returns the final
// weight. (The loss is gradient·weight.)
func ApplyGradients(b compute.Backend, o optimizer.Interface, weight float32, gradients []float64) (float32, error) {
	w, err := newProblem(b, o, []float32{weight}, func(weights, gradient *graph.Node) *graph.Node {
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
	v, err := w.store.GetVariable(weightsPath).Value()
	if err != nil {
		return 0, fmt.Errorf("inspect: the weight after the last step: %w", err)
	}
	return v.Value().([]float32)[0], nil
}

// MinimizeQuadratic minimizes (curvature·a² + b²)/2 from (1, 1) with an optimizer and returns the loss before each step.
func MinimizeQuadratic(b compute.Backend, o optimizer.Interface, curvature float32, steps int) (losses []float64, err error) {
	w, err := newProblem(b, o, []float32{1, 1}, func(weights, half *graph.Node) *graph.Node {
		factors := graph.Const(weights.Graph(), []float32{curvature, 1})
		return graph.Mul(graph.ReduceAllSum(graph.Mul(factors, graph.Square(weights))), half)
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

// problem is a model of a few weights and a loss.
type problem struct {
	store *model.Store
	step  *model.Exec
}

const weightsPath = "/weights"

func newProblem(b compute.Backend, o optimizer.Interface, start []float32, loss func(weights, input *graph.Node) *graph.Node) (*problem, error) {
	w := &problem{store: model.NewStore()}
	if _, err := w.store.CreateVariable(weightsPath, tensors.FromFlatDataAndDimensions(start, len(start))); err != nil {
		return nil, fmt.Errorf("inspect: optimizer step: %w", err)
	}
	var err error
	w.step, err = model.NewExec(b, w.store, func(s *model.Scope, input *graph.Node) *graph.Node {
		l := loss(s.Store().GetVariable(weightsPath).NodeValue(input.Graph()), input)
		o.UpdateGraph(s, input.Graph(), l)
		return l
	})
	if err != nil {
		return nil, fmt.Errorf("inspect: optimizer step: %w", err)
	}
	return w, nil
}

// loss makes one step and returns the loss before it.
func (w *problem) loss(input float32) (float32, error) {
	out, err := w.step.Call1(input)
	if err != nil {
		return 0, fmt.Errorf("inspect: optimizer step: %w", err)
	}
	defer out.MustFinalizeAll()
	return tensors.ToScalar[float32](out), nil
}
