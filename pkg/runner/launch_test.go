package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
)

// small is a network with a convolution and batch norm.
type small struct{ toy }

func (small) Params() []nn.Param {
	return []nn.Param{
		{Name: "conv.weight", Dims: []int{3, 3, cifar.Channels, 4}, Trainable: true},
		{Name: "bn.weight", Dims: []int{4}, Trainable: true},
		{Name: "bn.bias", Dims: []int{4}, Trainable: true},
		{Name: "bn.running_mean", Dims: []int{4}},
		{Name: "bn.running_var", Dims: []int{4}},
		{Name: "fc.weight", Dims: []int{4, cifar.NumClasses}, Trainable: true},
	}
}

func (m small) Init(store *model.Store, seed uint64) error {
	return nn.CreateVariables(store, m.Params(), func(p nn.Param) []float32 {
		rng, values := p.Generator(seed), make([]float32, p.Size())
		for i := range values {
			values[i] = float32(0.5 + 0.1*rng.NormFloat64())
		}
		return values
	})
}

func (small) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	v, batch := nn.NewVariables(scope, images.Graph()), images.Shape().Dim(0)
	x := graph.ReduceMean(graph.Reshape(images, batch, 8, 4, 8, 4, 3), 2, 4) // [batch, 8, 8, 3]
	x = activation.Relu(v.BatchNorm(nn.Conv2D(x, v.Value("conv.weight"), 1), "bn"))
	return graph.MatMul(graph.ReduceMean(x, 1, 2), v.Value("fc.weight"))
}

// Several steps in a launch are single steps bit for bit: losses, weights, the optimizer's moments, batch norm's statistics,
// dropout's random state, lookahead's copies, the log and the evaluations. The toy's epochs have 5 steps, the last a smaller
// batch, and evaluations follow steps 4, 8, 12 and 14, so launches of 3 never fit evenly.
func TestLaunchIsSingleSteps(t *testing.T) {
	t.Parallel()
	adam := Recipe{Schedule: everything.Schedule, LabelSmoothing: 0.1}
	for name, c := range map[string]struct {
		model  Model
		recipe Recipe
		steps  int // of 15 that are made in launches
	}{
		"chapter":            {toy{dropout: 0.3}, Recipe{}, 9},
		"adamw":              {toy{}, Recipe{Optimizer: "adamw"}, 9},
		"frozen":             {toy{}, Recipe{Freeze: true}, 9},
		"batch norm":         {small{}, adam, 9},
		"batch norm, Muon …": {small{}, everything, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onBackends(t, func(t *testing.T, b compute.Backend) {
				train := func(launchSteps int) (*checkpoint, int) {
					config := toyConfig
					config.Recipe, config.LaunchSteps = c.recipe, launchSteps
					r, _ := newToy(t, b, c.model, t.TempDir(), config)
					require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
					return lastCheckpoint(t, r), r.launched
				}
				single, none := train(1)
				several, launched := train(3)
				require.Zero(t, none)
				require.Equal(t, c.steps, launched)
				requireSame(t, single, several)
			})
		})
	}
}

// A run with launches that is stopped at any moment and resumed, with launches of any size, ends like one of single steps. On XLA,
// where each run compiles its programs, only some of the moments are tried.
func TestStopBetweenLaunches(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		want := trainToy(t, b, t.TempDir(), toyConfig)
		stops, every := 0, 1
		if !backend.IsPureGo(b) {
			every = 5
		}
		for left := 0; ; left += every {
			dir, c := t.TempDir(), toyConfig
			c.LaunchSteps = 3
			r, out := newToy(t, b, toy{}, dir, c)
			err := r.Train(&countdown{Context: context.Background(), left: left}, toyTrain(), toyDev())
			if err == nil {
				break // it was not checked that often
			}
			require.ErrorIs(t, err, ErrStopped)
			require.Contains(t, out.String(), "run it again to resume\n")
			c.LaunchSteps = 1 + left%4
			requireSame(t, want, trainToy(t, b, dir, c), "stopped at check %d, resumed with launches of %d", left, c.LaunchSteps)
			stops++
		}
		// 3 launches and 6 single steps, 4 evaluations, once before the first step; the last step needs no check.
		require.Equal(t, (3+6+4+every-1)/every, stops)
	})
}

// A hook sees the weights after its own step.
func TestHookMakesSingleSteps(t *testing.T) {
	t.Parallel()
	biases := func(launchSteps int) (after [][]float32) {
		c := toyConfig
		c.LaunchSteps = launchSteps
		r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), c)
		r.OnStep(func(int, Step) error {
			v, err := nn.Values(r.store, toy{}.Params()[2])
			after = append(after, v)
			return err
		})
		require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
		return after
	}
	require.Equal(t, biases(1), biases(3))
}

// A loss that is no longer finite is reported with its step.
func TestLaunchDiverges(t *testing.T) {
	t.Parallel()
	failure := func(launchSteps int) string {
		c := toyConfig
		c.LaunchSteps, c.LearningRate, c.Recipe.Optimizer = launchSteps, 1e18, "sgd"
		r, _ := newToy(t, goBackend(t), toy{}, "run", c)
		r.dir = t.TempDir()
		err := r.Train(context.Background(), toyTrain(), toyDev())
		require.ErrorIs(t, err, ErrDiverged)
		return fmt.Sprint(len(r.History.Steps), errors.Unwrap(err))
	}
	require.Equal(t, failure(1), failure(3))
}

// An evaluation in one launch has the sums of one by batches, also if the last batch is smaller.
func TestEvaluateInOneLaunch(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		d := toyData(cifar.Test, 2*EvalBatch+33, 3)
		evaluate := func(launchSteps int) (scores [2]float64) {
			r, _ := newToy(t, b, small{}, t.TempDir(), Config{LaunchSteps: launchSteps, Recipe: everything})
			var err error
			scores[0], scores[1], err = r.Evaluate(context.Background(), d)
			require.NoError(t, err)
			_, _, err = r.Evaluate(&countdown{Context: context.Background()}, d)
			require.ErrorIs(t, err, context.Canceled)
			return scores
		}
		require.Equal(t, evaluate(1), evaluate(2))
	})
}

func TestLaunchStepsError(t *testing.T) {
	t.Parallel()
	_, err := New(goBackend(t), toy{}, t.TempDir(), Config{LaunchSteps: -1})
	require.EqualError(t, err, "runner: -1 steps in a launch: want at least 1, or 0 for the device's default")
}

// The real network's losses in launches and in single steps. This test runs with RESNET_BATCH set, for example to 64.
func TestResNetLaunch(t *testing.T) {
	batch, err := strconv.Atoi(os.Getenv(envBatch))
	if err != nil {
		t.Skipf("takes minutes: set $%s to 64", envBatch)
	}
	data := photographs(16 * batch)
	train := func(launchSteps int) (*checkpoint, int) {
		c := Config{Epochs: 1, BatchSize: batch, EvalSteps: 10, SaveEvery: time.Hour, LaunchSteps: launchSteps}
		r, _ := newToy(t, xlaBackend(t), resnet.Custom(3, 10, true), t.TempDir(), c)
		require.NoError(t, r.Train(context.Background(), data, data.Take(300)))
		return lastCheckpoint(t, r), r.launched
	}
	single, _ := train(1)
	several, launched := train(5)
	for i, s := range single.history.Steps {
		t.Logf("step %2d: single %.7f, launched %.7f", i, s.Loss, several.history.Steps[i].Loss)
	}
	require.NotZero(t, launched)
	requireSame(t, single, several)
}
