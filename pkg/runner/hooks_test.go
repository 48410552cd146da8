package runner

import (
	"context"
	"errors"
	"go/build"
	"testing"

	"github.com/stretchr/testify/require"
)

// Hooks see every step and every evaluation once, also where the run is interrupted.
func TestHooks(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	var steps []Step
	var evals []Eval
	train := func(stopAt int) (*Runner, error) {
		r, _ := newToy(t, b, toy{}, dir, toyConfig)
		r.OnStep(func(step int, s Step) error {
			require.Equal(t, len(steps), step)
			steps = append(steps, s)
			if step == stopAt {
				return ErrStopped
			}
			return nil
		})
		r.OnEvaluation(func(e Eval) error {
			require.Equal(t, e, r.History.Evals[len(r.History.Evals)-1])
			require.GreaterOrEqual(t, r.History.Best, e.Score)
			evals = append(evals, e)
			return nil
		})
		return r, r.Train(context.Background(), toyTrain(), toyDev())
	}
	for _, stopAt := range []int{3, 4, 10} { // an evaluation is due after step 4
		_, err := train(stopAt)
		require.ErrorIs(t, err, ErrStopped)
	}
	r, err := train(-1)
	require.NoError(t, err)
	require.Equal(t, r.History.Steps, steps)
	require.Equal(t, r.History.Evals, evals)
	requireSame(t, trainToy(t, b, t.TempDir(), toyConfig), lastCheckpoint(t, r))
}

// An error of a hook ends the training with everything saved.
func TestHookErrors(t *testing.T) {
	t.Parallel()
	b := goBackend(t)
	want := trainToy(t, b, t.TempDir(), toyConfig)
	mine := errors.New("no more paper")
	for name, add := range map[string]func(*Runner){
		"step": func(r *Runner) {
			r.OnStep(func(step int, _ Step) error {
				if step == 8 {
					return mine
				}
				return nil
			})
		},
		"evaluation": func(r *Runner) {
			r.OnEvaluation(func(e Eval) error {
				if e.Step == 8 {
					return mine
				}
				return nil
			})
		},
	} {
		dir := t.TempDir()
		r, _ := newToy(t, b, toy{}, dir, toyConfig)
		add(r)
		err := r.Train(context.Background(), toyTrain(), toyDev())
		require.ErrorIs(t, err, mine, name)
		require.ErrorContains(t, err, "step 8: no more paper")
		require.Equal(t, 9, lastCheckpoint(t, r).step)
		requireSame(t, want, trainToy(t, b, dir, toyConfig), name)
	}
}

// The package trains any model: it knows no network.
func TestKnowsNoNetwork(t *testing.T) {
	t.Parallel()
	p, err := build.ImportDir(".", 0)
	require.NoError(t, err)
	require.NotEmpty(t, p.Imports)
	require.NotContains(t, p.Imports, "nndl.example/resnet18/pkg/resnet")
	require.NotContains(t, p.Imports, "nndl.example/resnet18/pkg/airbench")
}
