package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
)

// A GPU computes a step of 64 images in about the time in which the host starts it: it passes hundreds of buffers to the program,
// and waits for the loss. So on a GPU one launch makes several steps: the program has a loop whose body gathers a batch and makes
// a step of it. Losses, weights and all other state are bit for bit those of single steps on XLA's CPU and in pure Go (the
// tests), and what happens between steps happens between launches: logging, evaluation, lookahead, checkpoints and stopping.
//
// On a CPU starting a step takes a fiftieth of its time (bench/NOTES.md), so a launch makes one step there unless asked for more.

// defaultLaunchSteps returns the number of steps in a launch. The chapter's epoch has 625 = 25·25 steps.
func defaultLaunchSteps(b compute.Backend) int {
	if backend.IsGPU(b) {
		return 25
	}
	return 1
}

// launchSize returns the number of steps that a launch of this run makes; with 1 it only makes single steps.
func (t *training) launchSize() int {
	c := t.Config
	if t.sharding != nil || len(t.onStep) > 0 {
		return 1
	}
	size := min(c.LaunchSteps, t.train.Len()/c.BatchSize, c.EvalSteps)
	if c.Recipe.Lookahead > 0 {
		size = min(size, c.Recipe.Lookahead)
	}
	return size
}

// canLaunch reports whether the next steps can be made in one launch: their batches are full, and an evaluation or a move of
// lookahead comes after the last of them at the earliest. The first step of a session is a single one, which creates the
// optimizer's variables.
func (t *training) canLaunch() bool {
	c, size := t.Config, t.launchSize()
	if size < 2 || !t.started {
		return false
	}
	left := t.train.Len()/c.BatchSize - t.step%t.loader.Steps() // full batches of this epoch
	left = min(left, c.EvalSteps-(t.step-1)%c.EvalSteps)        // see evaluationDue
	if every := c.Recipe.Lookahead; every > 0 {
		left = min(left, every-t.step%every)
	}
	return size <= left
}

// launchSteps makes the next steps in one launch and records them.
func (t *training) launchSteps(ctx context.Context) error {
	start, size := time.Now(), t.launchSize()
	epoch, from := t.step/t.loader.Steps(), t.step%t.loader.Steps()
	rates := make([]float32, size)
	for i := range rates {
		rates[i] = float32(t.learningRate(t.step + i))
	}
	losses, accuracies, err := t.runLaunch(t.loader.Choices(epoch, from, size), tensors.FromFlatDataAndDimensions(rates, size))
	if err != nil {
		return fmt.Errorf("runner: steps %d to %d of %d: %w", t.step, t.step+size-1, t.total, err)
	}
	t.launched += size
	took := time.Since(start) / time.Duration(size)
	for i, loss := range losses {
		if err := t.record(epoch, loss, accuracies[i], t.learningRate(t.step), took); err != nil {
			return err
		}
	}
	if err := t.lookahead.AfterStep(t.step, t.Config.Recipe.Lookahead, t.total); err != nil {
		return err
	}
	return t.afterStep(ctx)
}

// runLaunch runs the program and frees its arguments.
func (t *training) runLaunch(choices, rates *tensors.Tensor) (losses, accuracies []float32, err error) {
	images, labels := t.loader.Images()
	out, err := t.launch.Call(images, labels, choices, rates)
	if err = errors.Join(err, choices.FinalizeAll(), rates.FinalizeAll()); err != nil {
		return nil, nil, err
	}
	return copyBoth(out)
}

// copyBoth copies two vectors from the device and frees them.
func copyBoth(out []*tensors.Tensor) (a, b []float32, err error) {
	a, err1 := tensors.CopyFlatData[float32](out[0])
	b, err2 := tensors.CopyFlatData[float32](out[1])
	return a, b, errors.Join(err1, err2, out[0].FinalizeAll(), out[1].FinalizeAll())
}

// stepGraph builds the graph of one training step: it sets the new values of the variables and returns the loss and the accuracy
// before them.
type stepGraph func(scope *model.Scope, images, labels *graph.Node) (loss, accuracy *graph.Node)

// newStepGraph returns what train.Trainer builds for a single step, without its moving average of the loss, which is not used.
func newStepGraph(logits func(*model.Scope, *graph.Node) *graph.Node, lossOf func(labels, logits []*graph.Node) *graph.Node,
	optimizer optimizer.Interface) stepGraph {
	return func(scope *model.Scope, images, labels *graph.Node) (loss, accuracy *graph.Node) {
		g := images.Graph()
		scope.Store().SetTraining(g, true)
		answers, truth := []*graph.Node{logits(scope, images)}, []*graph.Node{labels}
		loss = lossOf(truth, answers)
		if !loss.Shape().IsScalar() {
			loss = graph.ReduceAllMean(loss)
		}
		optimizer.UpdateGraph(scope, g, loss)
		return loss, batchAccuracy(scope, truth, answers)
	}
}

// newLaunch prepares the program of a launch. Its arguments are the training images and labels, the choices of the batches (see
// cifar.Loader) and a learning rate for each step; its results are the losses and the accuracies.
func (t *training) newLaunch() (err error) {
	t.launch, err = model.NewExec(t.backend, t.store, func(scope *model.Scope, images, labels, choices, rates *graph.Node) (losses, accuracies *graph.Node) {
		g, size := images.Graph(), choices.Shape().Dim(0)
		vars := t.state()
		before := nodeValues(vars, g) // the program's parameters
		changed := make([]bool, len(vars))
		none := graph.Const(g, make([]float32, size))
		inputs := func(i *graph.Node, data []*graph.Node) []*graph.Node {
			batch, batchLabels := t.loader.Gather(data[0], data[1], element(data[2], i))
			return []*graph.Node{batch, batchLabels, element(data[3], i)}
		}
		data := []*graph.Node{images, labels, choices, rates}
		after := loop(size, data, inputs, append(before, none, none), func(i *graph.Node, inputs, state []*graph.Node) []*graph.Node {
			setNodeValues(vars, state)
			if t.Config.Recipe.Schedule.Kind != "" {
				optimizer.LearningRateVar(scope, dtypes.Float32, t.Config.LearningRate).SetNodeValue(inputs[2])
			}
			loss, accuracy := t.stepGraph(scope, inputs[0], inputs[1])
			next := nodeValues(vars, g)
			for j := range vars {
				changed[j] = next[j] != state[j]
			}
			return append(next, withElement(state[len(vars)], i, loss), withElement(state[len(vars)+1], i, accuracy))
		})
		setNodeValues(vars, before)
		for j, v := range vars {
			if changed[j] {
				v.SetNodeValue(after[j])
			}
		}
		updateInPlace(t.store, g)
		return after[len(vars)], after[len(vars)+1]
	})
	if err != nil {
		return fmt.Errorf("runner: the program of a launch: %w", err)
	}
	return nil
}

// loop builds a loop: for i = 0, 1, … n-1, body gets i, the inputs of this iteration and the state, and returns the next state. inputs
// makes the inputs of iteration i from the data. Neither may use other nodes from outside, and inputs no constants that GoMLX shares
// (graph.Scalar): go-xla's operations do not take them.
//
// The inputs of an iteration are made in the one before and are part of the loop's state. If body made them, XLA would compute them
// and what uses them in one piece of code, in which sums may be rounded differently from those of a single step.
func loop(n int, data []*graph.Node, inputs func(i *graph.Node, data []*graph.Node) []*graph.Node, state []*graph.Node,
	body func(i *graph.Node, inputs, state []*graph.Node) []*graph.Node) []*graph.Node {
	g := data[0].Graph()
	if backend.IsPureGo(g.Backend()) { // its loops fail (bench/UPSTREAM.md)
		for i := range n {
			i := graph.Const(g, int32(i))
			state = body(i, inputs(i, data), state)
		}
		return state
	}
	first := graph.Const(g, int32(0))
	all := slices.Concat([]*graph.Node{first}, data, inputs(first, data), state)
	afterData, afterInputs := 1+len(data), len(all)-len(state)
	parameters := func(g *graph.Graph, function string) (ps []*graph.Node) {
		for j, s := range all {
			ps = append(ps, graph.Parameter(g, fmt.Sprintf("%s_%d", function, j), s.Shape()))
		}
		return ps
	}
	more := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		i := parameters(g, "more")[0]
		return []*graph.Node{graph.LessThan(i, graph.Const(g, int32(n)))}
	})
	iteration := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
		ps := parameters(g, "iteration")
		i, data, now, state := ps[0], ps[1:afterData], ps[afterData:afterInputs], ps[afterInputs:]
		next := graph.Add(i, graph.Const(g, int32(1)))
		last := graph.Const(g, int32(n-1)) // after it no inputs are needed
		return slices.Concat([]*graph.Node{next}, data, inputs(graph.Min(next, last), data), body(i, now, state))
	})
	return graph.While(more, iteration, all...)[afterInputs:]
}

func nodeValues(vars []*model.Variable, g *graph.Graph) (values []*graph.Node) {
	for _, v := range vars {
		values = append(values, v.NodeValue(g))
	}
	return values
}

func setNodeValues(vars []*model.Variable, values []*graph.Node) {
	for j, v := range vars {
		v.SetNodeValue(values[j])
	}
}

// element returns x[i].
func element(x, i *graph.Node) *graph.Node { return graph.Gather(x, graph.InsertAxes(i, 0)) }

// withElement returns the vector x with x[i] = value.
func withElement(x, i, value *graph.Node) *graph.Node {
	here := graph.Equal(graph.Iota(x.Graph(), shapes.Make(dtypes.Int32, x.Shape().Dimensions...), 0), i)
	return graph.Where(here, value, x)
}

// evaluateAll is evaluate in one launch: the set goes to the device once, and the sums of all its batches come back at once.
func (r *Runner) evaluateAll(ctx context.Context, d *cifar.Dataset) (accuracy, meanLoss float64, err error) {
	if err := ctx.Err(); err != nil {
		return 0, 0, fmt.Errorf("runner: evaluation on %s not started: %w", d.Split, err)
	}
	images, labels := paddedBatch(d, 0, (d.Len()+EvalBatch-1)/EvalBatch*EvalBatch)
	out, err := r.evalAll.Call(images, labels)
	if err = errors.Join(err, images.FinalizeAll(), labels.FinalizeAll()); err != nil {
		return 0, 0, fmt.Errorf("runner: evaluating %s: %w", d.Split, err)
	}
	lossSums, rights, err := copyBoth(out)
	if err != nil {
		return 0, 0, fmt.Errorf("runner: evaluating %s: %w", d.Split, err)
	}
	for i := range lossSums {
		meanLoss += float64(lossSums[i])
		accuracy += float64(rights[i])
	}
	n := float64(d.Len())
	return accuracy / n, meanLoss / n, nil
}

// evalAllGraph builds the program of evaluateAll, a loop over batches of EvalBatch. Its results are the sums of scores for each.
func (r *Runner) evalAllGraph(answers func(*model.Scope, *graph.Node) *graph.Node) func(scope *model.Scope, images, labels *graph.Node) (lossSums, rights *graph.Node) {
	return func(scope *model.Scope, images, labels *graph.Node) (lossSums, rights *graph.Node) {
		g := images.Graph()
		scope.Store().SetTraining(g, false)
		var vars []*model.Variable
		for _, p := range r.model.Params() {
			vars = append(vars, scope.Store().GetVariable(p.Path()))
		}
		weights := nodeValues(vars, g)
		n := images.Shape().Dim(0) / EvalBatch
		images = graph.Reshape(images, n, EvalBatch, cifar.Height, cifar.Width, cifar.Channels)
		labels = graph.Reshape(labels, n, EvalBatch, 1)
		none := graph.Const(g, make([]float32, n))
		inputs := func(i *graph.Node, data []*graph.Node) []*graph.Node {
			return []*graph.Node{element(data[0], i), element(data[1], i)}
		}
		data, w := []*graph.Node{images, labels}, len(weights)
		after := loop(n, data, inputs, append(weights, none, none), func(i *graph.Node, inputs, state []*graph.Node) []*graph.Node {
			setNodeValues(vars, state)
			lossSum, right := scores(answers(scope, inputs[0]), inputs[1])
			return append(state[:w:w], withElement(state[w], i, lossSum), withElement(state[w+1], i, right))
		})
		setNodeValues(vars, weights)
		return after[w], after[w+1]
	}
}
