package runner

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/optim"
)

// Recipe holds the settings in which training may differ from the chapter's. The zero value is the chapter's recipe. It is part
// of a run's identity: a run does not resume with another recipe.
type Recipe struct {
	// Optimizer is one of optim.Names; "" means "adam-l2", the chapter's.
	Optimizer string `json:"optimizer,omitempty"`
	// Momentum of "momentum" and "nesterov"; 0 means 0.9.
	Momentum float64 `json:"momentum,omitempty"`
	// MuonRate is Muon's learning rate for the kernels of convolutions, which then have no weight decay; 0 means no Muon. It
	// follows the schedule. See optim.Options.
	MuonRate float64 `json:"muon_rate,omitempty"`
	// MuonMomentum is Muon's momentum; 0 means Momentum.
	MuonMomentum float64 `json:"muon_momentum,omitempty"`
	// Schedule changes the learning rate from step to step.
	Schedule optim.Schedule `json:"schedule,omitzero"`
	// LabelSmoothing is ε: the loss is the cross-entropy with (1-ε)·(the true class) + ε/(number of outputs).
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
	// Augment is the augmentation of the training images.
	Augment cifar.Augment `json:"augment,omitzero"`
	// Lookahead is the number of steps between two moves of the weights to their slow average; 0 means never. See
	// optim.Lookahead.
	Lookahead int `json:"lookahead,omitempty"`
	// PreciseNorm is the number of batches from which batch norm's running statistics are computed before each evaluation on dev;
	// 0 means that those of training are used, a mean over about the last ten batches. If the weights change fast, or Lookahead
	// has just moved them, those lag behind the weights.
	PreciseNorm int `json:"precise_norm,omitempty"`
	// FlipAverage is test-time augmentation: Evaluate and Predict average the logits of each image and of its mirror image.
	FlipAverage bool `json:"flip_average,omitempty"`
	// ShiftAverage is test-time augmentation by shifts: the logits are a weighted mean, one half for the image and one quarter
	// each for the image shifted by this many pixels up and left, and down and right, with reflection padding.
	ShiftAverage int `json:"shift_average,omitempty"`
	// Freeze trains the last layer only. All others keep their weights and compute in evaluation mode: batch norm uses its running
	// statistics and does not update them. (In PyTorch: requires_grad_(False) and eval() for all layers but the last.)
	Freeze bool `json:"freeze,omitempty"`
}

func (r Recipe) withDefaults() Recipe {
	if r.Optimizer == optim.Names[0] {
		r.Optimizer = "" // the same recipe is always written the same way
	}
	if r.Momentum == 0 && (r.Optimizer == "momentum" || r.Optimizer == "nesterov") {
		r.Momentum = 0.9
	}
	return r
}

func (r Recipe) validate() error {
	switch {
	case r.Lookahead < 0:
		return fmt.Errorf("runner: lookahead is %d, want a number of steps, or 0 for none", r.Lookahead)
	case r.PreciseNorm < 0:
		return fmt.Errorf("runner: precise norm is %d, want a number of batches, or 0 for none", r.PreciseNorm)
	case r.ShiftAverage < 0 || r.ShiftAverage > cifar.Width/2:
		return fmt.Errorf("runner: shift average is %d, want 0 to %d pixels", r.ShiftAverage, cifar.Width/2)
	case r.Freeze && r.PreciseNorm > 0:
		return fmt.Errorf("runner: precise norm is %d with frozen layers, whose statistics stay as they are: want 0", r.PreciseNorm)
	case !(r.LabelSmoothing >= 0 && r.LabelSmoothing < 1):
		return fmt.Errorf("runner: label smoothing is %g, want at least 0 and less than 1", r.LabelSmoothing)
	}
	return cmp.Or(r.optimizer(Config{}).Validate(), r.Augment.Validate(), r.Schedule.Validate())
}

// String lists the settings that differ from the chapter's.
func (r Recipe) String() string {
	var parts []string
	add := func(differs bool, format string, args ...any) {
		if differs {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(r.Optimizer != "", "%s", r.Optimizer)
	add(r.Momentum != 0, "momentum %g", r.Momentum)
	add(r.MuonRate != 0, "Muon %g for convolutions", r.MuonRate)
	add(r.MuonMomentum != 0, "Muon's momentum %g", r.MuonMomentum)
	add(r.Schedule != (optim.Schedule{}), "%s", r.Schedule)
	add(r.LabelSmoothing != 0, "label smoothing %g", r.LabelSmoothing)
	add(r.Augment.Flip != "", "%s flip", r.Augment.Flip)
	add(r.Augment.Shift != 0, "shift by up to %d", r.Augment.Shift)
	add(r.Lookahead != 0, "lookahead every %d steps", r.Lookahead)
	add(r.PreciseNorm != 0, "precise batch norm over %d batches", r.PreciseNorm)
	add(r.FlipAverage, "test-time augmentation: flip")
	add(r.ShiftAverage != 0, "test-time augmentation: shift by %d", r.ShiftAverage)
	add(r.Freeze, "only the last layer is trained")
	if len(parts) == 0 {
		return "the chapter's"
	}
	return strings.Join(parts, ", ")
}

// optimizer returns the options of the recipe's optimizer; c gives the learning rate and the weight decay.
func (r Recipe) optimizer(c Config) optim.Options {
	return optim.Options{
		Name: r.Optimizer, LearningRate: c.LearningRate, WeightDecay: max(0, c.WeightDecay),
		Momentum: r.Momentum, MuonRate: r.MuonRate, MuonMomentum: r.MuonMomentum,
	}
}

// smoothedLoss is the mean cross-entropy with smoothed labels (Szegedy et al. 2016, section 7;
// https://docs.pytorch.org/docs/2.9/generated/torch.nn.CrossEntropyLoss.html): with p the softmax of the logits, K the number of
// classes and y the true one,
//
//	loss = -(1-ε)·log p_y - ε/K·Σ_k log p_k.
func smoothedLoss(epsilon float64) func(labels, logits []*graph.Node) *graph.Node {
	return func(labels, logits []*graph.Node) *graph.Node {
		logP := graph.LogSoftmax(logits[0]) // [batch, classes]
		classes := logP.Shape().Dim(-1)
		truth := graph.OneHot(graph.Squeeze(labels[0], -1), classes, logP.DType())
		q := graph.AddScalar(graph.MulScalar(truth, 1-epsilon), epsilon/float64(classes))
		return graph.Neg(graph.ReduceAllMean(graph.ReduceSum(graph.Mul(q, logP), -1)))
	}
}

// averaged is test-time augmentation: the mean of a model's logits over the views that FlipAverage and ShiftAverage ask for.
func (r Recipe) averaged(logits func(*model.Scope, *graph.Node) *graph.Node) func(*model.Scope, *graph.Node) *graph.Node {
	if !r.FlipAverage && r.ShiftAverage == 0 {
		return logits
	}
	return func(scope *model.Scope, images *graph.Node) *graph.Node { // [batch, height, width, channels]
		views, weights := []*graph.Node{images}, []float64{1}
		if by := r.ShiftAverage; by > 0 {
			upLeft, downRight := shifted(shifted(images, 1, -by), 2, -by), shifted(shifted(images, 1, by), 2, by)
			views, weights = append(views, upLeft, downRight), []float64{0.5, 0.25, 0.25}
		}
		if r.FlipAverage {
			for i, v := range views {
				views = append(views, graph.Reverse(v, 2))
				weights[i] /= 2
			}
			weights = append(weights, weights...)
		}
		all, n := logits(scope, graph.Concatenate(views, 0)), images.Shape().Dim(0) // [views·batch, classes]
		mean := graph.ScalarZero(all.Graph(), all.DType())
		for i, w := range weights {
			mean = graph.Add(mean, graph.MulScalar(graph.Slice(all, graph.AxisRange(i*n, (i+1)*n)), w))
		}
		return mean
	}
}

// shifted shifts images along an axis by a number of pixels, not 0, with reflection padding.
func shifted(images *graph.Node, axis, by int) *graph.Node {
	size := images.Shape().Dim(axis)
	from := func(start, end int) *graph.Node {
		return graph.SliceAxis(images, axis, graph.AxisRange(start, end))
	}
	if by > 0 {
		return graph.Concatenate([]*graph.Node{graph.Reverse(from(1, by+1), axis), from(0, size-by)}, axis)
	}
	return graph.Concatenate([]*graph.Node{from(-by, size), graph.Reverse(from(size-1+by, size-1), axis)}, axis)
}
