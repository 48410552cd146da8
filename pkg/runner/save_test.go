package runner

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// eager saves after each step.
func eager() Config {
	c := toyConfig
	c.SaveEvery = time.Nanosecond
	return c
}

// A folder that is deleted while training is made again, with the best model that it held.
func TestFolderDeleted(t *testing.T) {
	t.Parallel()
	b := goBackend(t)
	want := trainToy(t, b, t.TempDir(), toyConfig)
	for _, config := range []Config{eager(), toyConfig} { // noticed at the next step, or at the end
		dir := t.TempDir() + "/run"
		r, out := newToy(t, b, toy{}, dir, config)
		out.on("step: 13/", func() { require.NoError(t, os.RemoveAll(dir)) })
		require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
		require.NotContains(t, out.String(), "not saved")
		requireSame(t, want, lastCheckpoint(t, r))
		require.NoError(t, r.LoadBest())
		score, _, err := r.Evaluate(context.Background(), toyDev())
		require.NoError(t, err)
		require.Equal(t, want.history.Best, score)
		requireClean(t, dir)
	}
}

// If saving fails for a while, training goes on and saves when it can again.
func TestSavingFailsForAWhile(t *testing.T) {
	t.Parallel()
	b := goBackend(t)
	dir := t.TempDir() + "/run"
	r, out := newToy(t, b, toy{}, dir, eager())
	out.on("step: 3/", func() { // before the first evaluation: the best model cannot be written either
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.WriteFile(dir, nil, 0o644)) // a file where the folder was
	})
	out.on("step: 6/", func() { require.NoError(t, os.Remove(dir)) })
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "[Train] not saved after step 4: ")
	require.Contains(t, out.String(), "not a directory (training goes on, saving is tried again in 1ns; the last checkpoint is of step 3)")
	require.Contains(t, out.String(), "[Train] not saved after step 6: ")
	require.NotContains(t, out.String(), "[Train] not saved after step 7: ")
	requireSame(t, trainToy(t, b, t.TempDir(), toyConfig), lastCheckpoint(t, r))
	require.FileExists(t, r.BestPath())
}

// If saving fails at the end, or when the run is stopped, it is tried again; then it is an error.
func TestSavingFailsToTheEnd(t *testing.T) {
	t.Parallel()
	for _, stop := range []bool{false, true} {
		dir := t.TempDir() + "/run"
		r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
		ctx, cancel := context.WithCancel(context.Background())
		out.on("step: 10/", func() {
			require.NoError(t, os.RemoveAll(dir))
			require.NoError(t, os.WriteFile(dir, nil, 0o644))
			if stop {
				cancel()
			}
		})
		err := r.Train(ctx, toyTrain(), toyDev())
		require.ErrorContains(t, err, "saving failed 3 times, 9 of ")
		require.ErrorContains(t, err, "not a directory")
		require.NotErrorIs(t, err, ErrStopped)
		require.Contains(t, out.String(), "(trying again)")
		cancel()
	}
}

// If somebody has deleted the folder and another run has created it again, the folder is that run's.
func TestFolderTaken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() + "/run"
	r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	var other *folderLock
	out.on("step: 10/", func() {
		require.NoError(t, os.RemoveAll(dir))
		var err error
		other, err = lockFolder(dir)
		require.NoError(t, err)
	})
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorContains(t, err, "another run is training in "+dir)
	other.release()
	paths, err := r.checkpoints()
	require.NoError(t, err)
	require.Empty(t, paths)
}

func TestSecondRunIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	second, secondOut := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	var err error
	out.on("step: 10/", func() { err = second.Train(context.Background(), toyTrain(), toyDev()) })
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.EqualError(t, err, "runner: another run is training in "+dir+": wait for it, stop it, or choose another folder")
	require.Empty(t, secondOut.String())
	require.NoError(t, second.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, secondOut.String(), "(This run is complete")
}

// Files that a killed run did not finish are removed; others stay.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"/.checkpoint-00000003.safetensors-123", "/.best.safetensors-5", "/.mine"} {
		require.NoError(t, os.WriteFile(dir+name, nil, 0o644))
	}
	trainToy(t, goBackend(t), dir, toyConfig)
	require.FileExists(t, dir+"/.mine")
	require.NoError(t, os.Remove(dir+"/.mine"))
	requireClean(t, dir)
}

// A loss that runs away ends the run before it reaches a file.
func TestDiverges(t *testing.T) {
	t.Parallel()
	c := eager()
	c.LearningRate = 1e38 // the weights stay finite, the next logits do not
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), c)
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, ErrDiverged)
	require.Regexp(t, `the loss is (NaN|[+-]Inf) at step 1 with learning rate 1e\+38: try a tenth of it, in another folder or after deleting `, err.Error())
	require.Len(t, r.History.Steps, 1)
	require.NoFileExists(t, r.BestPath())
	requireClean(t, r.Dir())
}

// The loss is that of the weights before a step. If the step makes them infinite, saving notices.
func TestDivergedWeightsAreNotSaved(t *testing.T) {
	t.Parallel()
	c := eager()
	c.LearningRate = 1e39 // infinite as a float32
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), c)
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, ErrDiverged)
	require.ErrorContains(t, err, "holds NaN or infinity at step 0")
	paths, err := r.checkpoints()
	require.NoError(t, err)
	require.Empty(t, paths)
	requireClean(t, r.Dir())
}

// Nor may a model become the best whose evaluation is not a number.
func TestDivergedEvaluation(t *testing.T) {
	t.Parallel()
	r, _ := newToy(t, goBackend(t), toy{badEval: true}, t.TempDir(), toyConfig)
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, ErrDiverged)
	require.ErrorContains(t, err, "the loss on dev is NaN at step 4")
	require.NoFileExists(t, r.BestPath())
}
