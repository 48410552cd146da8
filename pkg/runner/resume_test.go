package runner

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/atomicfile"
)

// A run that is stopped at any moment and resumed ends bit for bit like one that was never stopped. Train checks its context
// between any two steps and between any two batches of an evaluation: this test ends it at each of those moments.
func TestStopAnywhere(t *testing.T) {
	t.Parallel()
	b := goBackend(t)
	dev := toyData("dev", 270, 2) // two batches
	train := func(dir string, ctx context.Context) (*checkpoint, string, error) {
		r, out := newToy(t, b, toy{}, dir, toyConfig)
		if err := r.Train(ctx, toyTrain(), dev); err != nil {
			return nil, out.String(), err
		}
		return lastCheckpoint(t, r), out.String(), nil
	}
	whole := t.TempDir()
	want, _, err := train(whole, context.Background())
	require.NoError(t, err)
	best, err := os.ReadFile(whole + "/best.safetensors")
	require.NoError(t, err)

	stops := 0
	for left := 0; ; left++ {
		dir := t.TempDir()
		_, out, err := train(dir, &countdown{Context: context.Background(), left: left})
		if err == nil {
			break // it was not checked that often
		}
		require.ErrorIs(t, err, ErrStopped)
		require.Contains(t, out, "of 15 and saved in "+dir+"; run it again to resume\n")
		got, _, err := train(dir, context.Background())
		require.NoError(t, err)
		requireSame(t, want, got, "stopped at check %d", left)
		file, err := os.ReadFile(dir + "/best.safetensors")
		require.NoError(t, err)
		require.Equal(t, best, file)
		requireClean(t, dir)
		stops++
	}
	// 15 steps; before each of 4 evaluations' two batches; once before the first step.
	require.GreaterOrEqual(t, stops, 15+8)
}

// The same on XLA, at the end of an epoch with an evaluation pending.
func TestStopOnXLA(t *testing.T) {
	t.Parallel()
	b, dir := xlaBackend(t), t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, out := newToy(t, b, toy{}, dir, toyConfig)
	out.on("step: 4/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	require.Len(t, r.History.Steps, 5)
	require.Empty(t, r.History.Evals)
	requireSame(t, trainToy(t, b, t.TempDir(), toyConfig), trainToy(t, b, dir, toyConfig))
}

// A Runner that was stopped can resume, and starts over if somebody has emptied its folder.
func TestSameRunnerAgain(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()+"/run"
	want := trainToy(t, b, t.TempDir(), toyConfig)
	r, out := newToy(t, b, toy{}, dir, toyConfig)
	for _, step := range []int{3, 8} {
		ctx, cancel := context.WithCancel(context.Background())
		out.on(fmt.Sprintf("step: %d/", step), cancel)
		require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	}
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	requireSame(t, want, lastCheckpoint(t, r))

	require.NoError(t, os.RemoveAll(dir))
	out.Reset()
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.NotContains(t, out.String(), "(")
	requireSame(t, want, lastCheckpoint(t, r))
}

// A crash between writing the best model and the checkpoint leaves a best.safetensors that is ahead.
func TestBestAheadOfCheckpoint(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	want := trainToy(t, b, t.TempDir(), toyConfig)

	c := toyConfig
	c.SaveEvery = time.Nanosecond // after each step
	r, out := newToy(t, b, toy{}, dir, c)
	ctx, cancel := context.WithCancel(context.Background())
	out.on("step: 3/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	early, err := os.ReadFile(dir + "/checkpoint-00000004.safetensors")
	require.NoError(t, err)
	trainToy(t, b, dir, c)

	paths, err := r.checkpoints()
	require.NoError(t, err)
	require.Len(t, paths, keepCheckpoints)
	for _, p := range paths {
		require.NoError(t, os.Remove(p))
	}
	require.NoError(t, os.WriteFile(dir+"/checkpoint-00000004.safetensors", early, 0o644))
	requireSame(t, want, trainToy(t, b, dir, c))
}

func TestReplayNotes(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	r, out := newToy(t, b, toy{}, dir, toyConfig)
	ctx, cancel := context.WithCancel(context.Background())
	out.on("step: 6/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	require.NoError(t, os.Remove(r.BestPath()))

	// Another device computed the steps so far.
	c := lastCheckpoint(t, r)
	c.history.Device = "an abacus"
	require.NoError(t, atomicfile.Write(dir+"/checkpoint-00000007.safetensors", c.write))

	r, out = newToy(t, b, toy{}, dir, toyConfig)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "(the steps so far were computed by an abacus, the next ones by pure Go")
	require.Contains(t, out.String(), "(the best model, with accuracy 0.")
	require.Contains(t, out.String(), "best.safetensors: no such file or directory; the next model that is evaluated takes its place)")
	require.True(t, strings.HasPrefix(r.History.Device, "pure Go"))
}
