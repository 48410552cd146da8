package runner

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar"
)

// EvalBatch is the number of images that a device evaluates at once. It does not change the result. On two cores, batches of 80
// take a fifth longer for the whole set, batches of 1000 a twentieth.
const EvalBatch = 250

// scores returns two sums over a batch: the cross-entropy of the examples, and the number whose largest logit is the true
// class's (argmax of logits = argmax of softmax). A label of -1 marks padding: its one-hot row is all zeros and no class equals
// it, so it counts as nothing.
func scores(logits, labels *graph.Node) (lossSum, right *graph.Node) {
	labels = graph.Squeeze(labels, -1) // [batch]
	truth := graph.OneHot(labels, logits.Shape().Dim(-1), logits.DType())
	lossSum = graph.Neg(graph.ReduceAllSum(graph.Mul(truth, graph.LogSoftmax(logits))))
	right = graph.ReduceAllSum(graph.ConvertDType(graph.Equal(graph.ArgMax(logits, -1, dtypes.Int32), labels), dtypes.Float32))
	return lossSum, right
}

// batchAccuracy is the share of correct predictions in a training batch.
func batchAccuracy(_ *model.Scope, labels, logits []*graph.Node) *graph.Node {
	right := graph.Equal(graph.ArgMax(logits[0], -1, dtypes.Int32), graph.Squeeze(labels[0], -1))
	return graph.ReduceAllMean(graph.ConvertDType(right, dtypes.Float32))
}

// Evaluate returns the accuracy (0 to 1) and the mean cross-entropy of the current weights over a split, each example counting
// once. Batch norm uses its running statistics. The error is ErrNotFinite if the loss is NaN or infinite.
func (r *Runner) Evaluate(ctx context.Context, d *cifar.Dataset) (accuracy, meanLoss float64, err error) {
	p := newProgress(NewDisplay(r.Out))
	defer p.Clear()
	accuracy, meanLoss, err = r.evaluate(ctx, d, p)
	if err == nil && !isNumber(meanLoss) {
		return 0, 0, fmt.Errorf("runner: the loss on %s is %g: %w: the weights are damaged or their training diverged", d.Split, meanLoss, ErrNotFinite)
	}
	return accuracy, meanLoss, err
}

// evaluate is Evaluate without the check of the loss.
func (r *Runner) evaluate(ctx context.Context, d *cifar.Dataset, p *progress) (accuracy, meanLoss float64, err error) {
	if d.Len() == 0 {
		return 0, 0, fmt.Errorf("runner: no images in %s to evaluate on", d.Split)
	}
	if n, label := outputs(r.model.Params()), int(slices.Max(d.Labels)); n > 0 && label >= n {
		return 0, 0, fmt.Errorf("runner: %s has the label %d, but the network only %d outputs", d.Split, label, n)
	}
	if r.Config.LaunchSteps > 1 && r.sharding == nil {
		return r.evaluateAll(ctx, d)
	}
	began, size := p.now(), EvalBatch*r.Config.Devices
	for start := 0; start < d.Len(); start += size {
		if err := ctx.Err(); err != nil {
			return 0, 0, fmt.Errorf("runner: evaluation on %s stopped at image %d of %d: %w", d.Split, start, d.Len(), err)
		}
		p.evaluating(start, d.Len(), began)
		lossSum, right, err := r.score(paddedBatch(d, start, size))
		if err != nil {
			return 0, 0, fmt.Errorf("runner: evaluating images %d to %d of %s: %w", start, start+size-1, d.Split, err)
		}
		meanLoss += lossSum
		accuracy += right
	}
	n := float64(d.Len())
	return accuracy / n, meanLoss / n, nil
}

// paddedBatch copies size images and labels from start on. After the last one it pads with zeros and the label -1, so one
// compiled graph serves every batch, and any number of devices can share it.
func paddedBatch(d *cifar.Dataset, start, size int) (images, labels *tensors.Tensor) {
	pixels := make([]uint8, size*cifar.ImageSize)
	ids := make([]int32, size)
	end := min(start+size, d.Len())
	copy(pixels, d.Pixels[start*cifar.ImageSize:end*cifar.ImageSize])
	for i := range ids {
		ids[i] = -1
		if start+i < end {
			ids[i] = int32(d.Labels[start+i])
		}
	}
	return tensors.FromFlatDataAndDimensions(pixels, size, cifar.Height, cifar.Width, cifar.Channels),
		tensors.FromFlatDataAndDimensions(ids, size, 1)
}
