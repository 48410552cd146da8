package cifar

import (
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// A program that makes several training steps gathers its batches itself: it gets the whole split, see Images, and the choices of
// the batches, see Choices, and calls Gather for each step.

// Images returns the split on the device, [n, 3072] bytes, and its labels, [n] int32. They belong to the loader.
func (l *Loader) Images() (images, labels *tensors.Tensor) { return l.images, l.labels }

// Choices says how to gather some full batches of an epoch, starting at batch number from: [batches, batch size, 1] int32, the
// images' indices, or with augmentation [batches, batch size, 4], each index followed by flip, dy and dx. The batches are those
// of Epoch.
func (l *Loader) Choices(epoch, from, batches int) *tensors.Tensor {
	p, columns := l.plan(epoch), 1
	if p.transforms != nil {
		columns = 4
	}
	chosen := p.order[from*l.batchSize:][:batches*l.batchSize]
	choices := make([]int32, 0, columns*len(chosen))
	for _, i := range chosen {
		choices = append(choices, i)
		if p.transforms != nil {
			choices = append(choices, p.transforms[3*i:3*i+3]...)
		}
	}
	return tensors.FromFlatDataAndDimensions(choices, batches, l.batchSize, columns)
}

// Gather builds the graph that gathers one of Choices' batches, choice [batch, 1] or [batch, 4], from what Images returns: images
// [batch, 32, 32, 3] and labels [batch, 1].
func (l *Loader) Gather(images, labels, choice *graph.Node) (batch, batchLabels *graph.Node) {
	indices := graph.Squeeze(graph.Slice(choice, graph.AxisRange(), graph.AxisElem(0)), -1)
	if choice.Shape().Dim(1) == 1 {
		return gather(images, labels, indices)
	}
	return gatherAugmented(images, labels, indices, graph.Slice(choice, graph.AxisRange(), graph.AxisRange(1)))
}
