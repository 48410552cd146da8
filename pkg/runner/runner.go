// Package runner trains an image classifier, evaluates it and predicts with it: the book's RunnerV3 for GoMLX.
//
// A Runner has a folder. Training writes into it the best model by dev accuracy (best.safetensors, with PyTorch's names) and
// checkpoints, which hold everything that an exact resume needs. Calling Train again resumes an interrupted run; if the run is
// complete, it only shows its log again. Every file contains a SHA-256 and belongs to one run: a file that has changed or
// belongs to another run is reported and not used.
package runner

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/metric"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/optim"
)

// Model is a network that a Runner can train; resnet.Config is one.
type Model interface {
	// Init creates the variables of Params in a store, with initial values that follow from the seed.
	Init(store *model.Store, seed uint64) error
	Params() []nn.Param
	// Logits maps normalised images [batch, height, width, channels] to logits [batch, classes].
	Logits(scope *model.Scope, images *graph.Node) *graph.Node
	// String describes the architecture. It is part of a run's identity.
	String() string
}

// Config holds the hyper-parameters. The zero value of a field means the chapter's choice.
type Config struct {
	Epochs       int           `json:"epochs"`          // 0 means 30
	BatchSize    int           `json:"batch_size"`      // 0 means 64
	LearningRate float64       `json:"learning_rate"`   // 0 means 0.001
	WeightDecay  float64       `json:"weight_decay"`    // L2, or AdamW's decay; 0 means 0.005, negative means none
	LogSteps     int           `json:"log_steps"`       // steps between two "[Train]" lines; 0 means 3000
	EvalSteps    int           `json:"eval_steps"`      // steps between two evaluations on dev; 0 means 3000
	Seed         uint64        `json:"seed"`            // of the initial weights, the order of the data, augmentation and dropout; 0 means 100
	Recipe       Recipe        `json:"recipe,omitzero"` // other differences from the chapter
	SaveEvery    time.Duration `json:"-"`               // time between checkpoints; 0 means two minutes
	Devices      int           `json:"-"`               // number of the host's devices that share each batch; 0 means 1
	LaunchSteps  int           `json:"-"`               // steps that the device makes in one launch; 0 means 25 on a GPU, else 1; see launch
	Initial      string        `json:"-"`               // file that Import writes and training starts from; "" means initial.safetensors in the run's folder
}

func (c Config) withDefaults() Config {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&c.Epochs, 30)
	set(&c.BatchSize, 64)
	set(&c.LogSteps, 3000)
	set(&c.EvalSteps, 3000)
	set(&c.Devices, 1)
	if c.LearningRate == 0 {
		c.LearningRate = 0.001
	}
	if c.WeightDecay == 0 {
		c.WeightDecay = 0.005
	}
	c.Recipe = c.Recipe.withDefaults()
	if c.Seed == 0 {
		c.Seed = 100
	}
	if c.SaveEvery == 0 {
		c.SaveEvery = 2 * time.Minute
	}
	return c
}

func (c Config) validate() error {
	if c.Epochs < 1 || c.BatchSize < 2 || c.LogSteps < 1 || c.EvalSteps < 1 || !(c.LearningRate > 0) || math.IsInf(c.LearningRate, 0) {
		return fmt.Errorf("runner: epochs %d, batch size %d, log steps %d, eval steps %d, learning rate %g: want positive numbers, and at least 2 images in a batch for batch norm",
			c.Epochs, c.BatchSize, c.LogSteps, c.EvalSteps, c.LearningRate)
	}
	if math.IsNaN(c.WeightDecay) || math.IsInf(c.WeightDecay, 0) {
		return fmt.Errorf("runner: weight decay is %g, want a number; less than 0 means none", c.WeightDecay)
	}
	if c.LaunchSteps < 0 {
		return fmt.Errorf("runner: %d steps in a launch: want at least 1, or 0 for the device's default", c.LaunchSteps)
	}
	return c.Recipe.validate()
}

// Runner trains and uses one model.
type Runner struct {
	Config  Config
	History History   // of the run so far
	Out     io.Writer // for log lines and progress; os.Stdout by default
	Display Display   // shows the progress; nil means NewDisplay(Out)

	loadedFrom string // see LoadedFrom
	about      about

	backend   compute.Backend
	sharding  *sharding // nil with one device
	model     Model
	dir       string
	total     int // steps of the training; 0 before Train
	store     *model.Store
	trainer   *train.Trainer
	stepGraph stepGraph
	eval      *model.Exec
	evalAll   *model.Exec // see evaluateAll
	predict   *model.Exec
	lookahead *optim.Lookahead
	norm      *model.Exec // see preciseNorm
	launched  int         // steps that were made in launches, for the tests

	onStep       []func(step int, s Step) error
	onEvaluation []func(e Eval) error
}

// New prepares a runner for a model, with fresh weights, in a folder that Train creates if needed.
func New(b compute.Backend, m Model, dir string, c Config) (*Runner, error) {
	c = c.withDefaults()
	if c.LaunchSteps == 0 {
		c.LaunchSteps = defaultLaunchSteps(b)
	}
	if err := c.validate(); err != nil {
		return nil, err
	}
	shards, err := newSharding(b, c.Devices)
	if err != nil {
		return nil, err
	}
	r := &Runner{Config: c, Out: os.Stdout, backend: b, sharding: shards, model: m, dir: dir}
	if err := r.reset(); err != nil {
		return nil, err
	}
	return r, nil
}

// reset gives the runner fresh weights, graphs and history.
func (r *Runner) reset() error {
	r.Finalize()
	r.History, r.loadedFrom, r.about = History{}, "", about{}
	r.store = model.NewStore()
	r.store.SetParam(model.ParamInitialSeed, int64(r.Config.Seed)) // for random numbers during training, such as dropout's
	if err := r.model.Init(r.store, r.Config.Seed); err != nil {
		return err
	}
	logits := func(scope *model.Scope, images *graph.Node) *graph.Node {
		return r.model.Logits(scope, cifar.Normalize(images))
	}
	if r.Config.Recipe.Freeze {
		if err := freeze(r.store, r.model.Params()); err != nil {
			return err
		}
		logits = inEvaluationMode(logits)
	}
	lossOf := loss.SparseCategoricalCrossEntropyLogits
	if s := r.Config.Recipe.LabelSmoothing; s > 0 {
		lossOf = smoothedLoss(s)
	}
	answers := r.Config.Recipe.averaged(logits)
	accuracy := metric.NewBaseMetric("Batch Accuracy", "acc", metric.AccuracyMetricType, func(scope *model.Scope, labels, logits []*graph.Node) *graph.Node {
		updateInPlace(r.store, logits[0].Graph())
		return batchAccuracy(scope, labels, logits)
	}, nil)
	optimizer := r.Config.Recipe.optimizer(r.Config).New()
	r.trainer = train.NewTrainer(r.backend, r.store, logits, lossOf, optimizer, []metric.Interface{accuracy}, nil)
	r.stepGraph = newStepGraph(logits, lossOf, optimizer)
	var err1, err2, err3, err4, err5 error
	r.lookahead, err3 = optim.NewLookahead(r.backend, r.store)
	r.norm, err4 = preciseNorm(r.backend, r.store, logits)
	r.eval, err1 = model.NewExec(r.backend, r.store, func(scope *model.Scope, images, labels *graph.Node) (*graph.Node, *graph.Node) {
		scope.Store().SetTraining(images.Graph(), false)
		return scores(answers(scope, images), labels)
	})
	r.evalAll, err5 = model.NewExec(r.backend, r.store, r.evalAllGraph(answers))
	r.predict, err2 = model.NewExec(r.backend, r.store, func(scope *model.Scope, images *graph.Node) *graph.Node {
		scope.Store().SetTraining(images.Graph(), false)
		return answers(scope, images)
	})
	if r.sharding != nil && err1 == nil {
		r.sharding.apply(r.eval)
	}
	return errors.Join(err1, err2, err3, err4, err5)
}

// updateInPlace makes a training step overwrite the variables that it changes. Call it after the rest of the graph is built:
// GoMLX's Exec returns the changed variables as the first outputs, in the order of the store. On a CPU the weights are left
// out: code that overwrites its input is not vectorised there, which matters for Adam's root and division.
func updateInPlace(store *model.Store, g *graph.Graph) {
	output := 0
	for v := range store.IterVariables() {
		if !v.ChangedInGraph(g) {
			continue
		}
		if !v.Trainable || backend.IsGPU(g.Backend()) {
			backend.InPlace(g.GetParameterByName(v.Path()), output)
		}
		output++
	}
}

// TotalSteps returns the number of steps of the training, of which History.Steps are done. It is 0 before Train has begun.
func (r *Runner) TotalSteps() int { return r.total }

// Dir returns the run's folder.
func (r *Runner) Dir() string { return r.dir }

const bestName = "best.safetensors"

// BestPath returns the path of the best model.
func (r *Runner) BestPath() string { return filepath.Join(r.dir, bestName) }

// LoadedFrom returns the file that the weights were last loaded from, also by a training that starts from it, or "" for fresh ones.
func (r *Runner) LoadedFrom() string { return r.loadedFrom }

// Store returns the store of the model's variables.
func (r *Runner) Store() *model.Store { return r.store }

// Finalize frees the runner's memory on the device. The runner cannot be used afterwards.
func (r *Runner) Finalize() {
	if r.predict == nil {
		return
	}
	r.trainer.ResetComputationGraphs()
	r.eval.Finalize()
	r.evalAll.Finalize()
	r.lookahead.Finalize()
	r.norm.Finalize()
	r.predict.Finalize()
	r.store.Finalize()
	r.predict = nil
}
