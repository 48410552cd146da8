package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"nndl.example/resnet18/pkg/cifar"
)

// Recipe is what a training may do differently from the chapter's. The zero value is the chapter's way. It is part of a
// run's identity: a run does not go on with another recipe.
type Recipe struct {
	// Optimizer is one of Optimizers; "" means "adam-l2", the chapter's.
	Optimizer string `json:"optimizer,omitempty"`
	// Momentum of "momentum" and "nesterov"; 0 means 0.9.
	Momentum float64 `json:"momentum,omitempty"`
	// DecayKernelsOnly leaves biases and batch norm's weights without weight decay.
	DecayKernelsOnly bool `json:"decay_kernels_only,omitempty"`
	// Schedule changes the learning rate from step to step.
	Schedule Schedule `json:"schedule,omitzero"`
	// LabelSmoothing is ε: the loss is the cross-entropy with (1-ε)·(the true class) + ε/(number of classes).
	LabelSmoothing float64 `json:"label_smoothing,omitempty"`
	// Augment moves the training images.
	Augment cifar.Augment `json:"augment,omitzero"`
	// FlipAverage evaluates and predicts with the mean of the logits of each image and of its mirror image.
	FlipAverage bool `json:"flip_average,omitempty"`
}

// Optimizers are the valid values of Recipe.Optimizer. AdamL2, AdamW and SGD have their formulas; "sgd" is SGD without
// momentum, "momentum" with, "nesterov" with Nesterov's. Config.WeightDecay is λ in all of them.
var Optimizers = []string{"adam-l2", "adamw", "sgd", "momentum", "nesterov"}

func (r Recipe) withDefaults() Recipe {
	if r.Optimizer == Optimizers[0] {
		r.Optimizer = "" // one recipe, one way to write it
	}
	if r.Momentum == 0 && (r.Optimizer == "momentum" || r.Optimizer == "nesterov") {
		r.Momentum = 0.9
	}
	return r
}

func (r Recipe) validate() error {
	switch {
	case r.Optimizer != "" && !slices.Contains(Optimizers, r.Optimizer):
		return fmt.Errorf("runner: optimizer is %q, want one of %v", r.Optimizer, Optimizers)
	case r.Momentum != 0 && r.Optimizer != "momentum" && r.Optimizer != "nesterov":
		return fmt.Errorf("runner: momentum is %g, but the optimizer is %q: want 0, or the optimizer \"momentum\" or \"nesterov\"", r.Momentum, r.Optimizer)
	case !(r.Momentum >= 0 && r.Momentum < 1):
		return fmt.Errorf("runner: momentum is %g, want at least 0 and less than 1", r.Momentum)
	case !(r.LabelSmoothing >= 0 && r.LabelSmoothing < 1):
		return fmt.Errorf("runner: label smoothing is %g, want at least 0 and less than 1", r.LabelSmoothing)
	}
	if err := r.Augment.Validate(); err != nil {
		return err
	}
	return r.Schedule.validate()
}

// String names what is not the chapter's way.
func (r Recipe) String() string {
	var parts []string
	add := func(differs bool, format string, args ...any) {
		if differs {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(r.Optimizer != "", "%s", r.Optimizer)
	add(r.Momentum != 0, "momentum %g", r.Momentum)
	add(r.DecayKernelsOnly, "decay on kernels only")
	add(r.Schedule != (Schedule{}), "%s", r.Schedule)
	add(r.LabelSmoothing != 0, "label smoothing %g", r.LabelSmoothing)
	add(r.Augment.Flip != "", "%s flip", r.Augment.Flip)
	add(r.Augment.Shift != 0, "shift by up to %d", r.Augment.Shift)
	add(r.FlipAverage, "answers averaged over both sides")
	if len(parts) == 0 {
		return "the chapter's"
	}
	return strings.Join(parts, ", ")
}

// optimizer makes the optimizer that the configuration asks for.
func (c Config) optimizer() optimizer.Interface {
	rate, decay, kernelsOnly := c.LearningRate, max(0, c.WeightDecay), c.Recipe.DecayKernelsOnly
	var o optimizer.Interface
	switch c.Recipe.Optimizer {
	case "adamw":
		if kernelsOnly {
			return &decoupledDecay{AdamW(rate, 0), rate, decay}
		}
		return AdamW(rate, decay)
	case "sgd", "momentum", "nesterov":
		o = SGD(rate, c.Recipe.Momentum, c.Recipe.Optimizer == "nesterov", decay)
	default:
		o = AdamL2(rate, decay)
	}
	o.(*coupledL2).kernelsOnly = kernelsOnly
	return o
}

// smoothedLoss is the mean cross-entropy with smoothed labels (Szegedy et al. 2016, section 7; as
// https://docs.pytorch.org/docs/2.9/generated/torch.nn.CrossEntropyLoss.html has it): with p the softmax of the logits, K the
// number of classes and y the true one,
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

// flipAveraged makes the mean of a model's logits for images [batch, height, width, channels] and for their mirror images.
func flipAveraged(logits func(*model.Scope, *graph.Node) *graph.Node) func(*model.Scope, *graph.Node) *graph.Node {
	return func(scope *model.Scope, images *graph.Node) *graph.Node {
		n := images.Shape().Dim(0)
		both := logits(scope, graph.Concatenate([]*graph.Node{images, graph.Reverse(images, 2)}, 0)) // [2·batch, classes]
		return graph.MulScalar(graph.Add(graph.Slice(both, graph.AxisRange(0, n)), graph.Slice(both, graph.AxisRange(n))), 0.5)
	}
}
