package runner

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/regularfile"
)

// weightsOf writes the weights of a toy as a file from elsewhere, and returns them.
func weightsOf(t *testing.T, m toy, seed uint64) (path string) {
	c := toyConfig
	c.Seed = seed
	r, _ := newToy(t, goBackend(t), m, t.TempDir(), c)
	path = filepath.Join(t.TempDir(), "pretrained.safetensors")
	require.NoError(t, r.SaveModel(path))
	return path
}

// Training starts from the imported weights and says so. They stay, and belong to the run's identity.
func TestImport(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), filepath.Join(t.TempDir(), "run")
	path := weightsOf(t, toy{}, 7)
	r, _ := newToy(t, b, toy{}, dir, toyConfig)
	require.NoError(t, r.Import(path, false))
	initial, err := os.ReadFile(dir + "/initial.safetensors")
	require.NoError(t, err)
	sum, err := regularfile.SHA256(path)
	require.NoError(t, err)

	// Before training they are the model.
	r, _ = newToy(t, b, toy{}, dir, toyConfig)
	require.NoError(t, r.LoadBest())
	accuracy, _, err := r.Evaluate(context.Background(), toyDev())
	require.NoError(t, err)
	imported, _ := newToy(t, b, toy{}, t.TempDir(), toyConfig)
	require.NoError(t, imported.LoadModel(path))
	want, _, err := imported.Evaluate(context.Background(), toyDev())
	require.NoError(t, err)
	require.Equal(t, want, accuracy)

	// Stopped in between, the run is that of a Runner that was given the weights.
	require.NoError(t, imported.Train(context.Background(), toyTrain(), toyDev()))
	r, out := newToy(t, b, toy{}, dir, toyConfig)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out.on("step: 6/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	starting := "(starting from pretrained.safetensors (SHA-256 " + sum + "))\n"
	require.True(t, strings.HasPrefix(out.String(), starting), out.String())
	r, out = newToy(t, b, toy{}, dir, toyConfig)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), starting)
	require.Equal(t, untimed(imported.History.Steps), untimed(r.History.Steps))
	require.Equal(t, "pretrained.safetensors (SHA-256 "+sum+")", r.History.Initial)
	require.NotEqual(t, trainToy(t, b, t.TempDir(), toyConfig).history.Steps[0].Loss, r.History.Steps[0].Loss)
	after, err := os.ReadFile(dir + "/initial.safetensors")
	require.NoError(t, err)
	require.Equal(t, initial, after)

	// The run resumes without the file, but not with another.
	require.NoError(t, os.Remove(dir+"/initial.safetensors"))
	c := toyConfig
	c.Epochs = 4
	r, _ = newToy(t, b, toy{}, dir, c)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	elsewhere, _ := newToy(t, b, toy{}, t.TempDir(), toyConfig)
	require.NoError(t, elsewhere.Import(weightsOf(t, toy{}, 8), false))
	c.Epochs, c.Initial = 5, elsewhere.Dir()+"/initial.safetensors"
	r, _ = newToy(t, b, toy{}, dir, c)
	err = r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, ErrOtherRun)
	require.ErrorContains(t, err, "(initial weights: got ")
}

// Runs of one network share a file of initial weights. One that began before the import goes on as it was.
func TestImportAfterStart(t *testing.T) {
	t.Parallel()
	b, dir, c := goBackend(t), t.TempDir(), toyConfig
	want := trainToy(t, b, t.TempDir(), c)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, out := newToy(t, b, toy{}, dir, c)
	out.on("step: 6/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)

	shared, _ := newToy(t, b, toy{}, t.TempDir(), toyConfig)
	require.NoError(t, shared.Import(weightsOf(t, toy{}, 7), false))
	c.Initial = shared.Dir() + "/initial.safetensors"
	r, out = newToy(t, b, toy{}, dir, c)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "("+dir+" began with random weights: "+c.Initial+" is not used)\n")
	requireSame(t, want, lastCheckpoint(t, r))
}

func TestImportErrors(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), filepath.Join(t.TempDir(), "run")
	r, _ := newToy(t, b, toy{}, dir, toyConfig)
	require.ErrorIs(t, r.Import(dir+"/none", false), os.ErrNotExist)
	threeClasses := weightsOf(t, toy{classes: 3}, 7)
	require.ErrorIs(t, r.Import(threeClasses, false), ErrOutputs)
	require.ErrorIs(t, r.Import(threeClasses, false), ErrArchitecture)
	require.NoDirExists(t, dir)
	require.NoError(t, r.Import(threeClasses, true), "all but the last layer")
	require.ErrorContains(t, r.Import(threeClasses, true), "initial.safetensors exists")

	// Damaged, the imported file stops training before it starts from something else.
	path := dir + "/initial.safetensors"
	require.NoError(t, os.Truncate(path, 300))
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, path)
	require.NoError(t, os.Remove(path))
	trainToy(t, b, dir, toyConfig)
	require.ErrorContains(t, r.Import(threeClasses, true), "checkpoint-00000009.safetensors exists")
}
