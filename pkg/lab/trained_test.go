package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/data/weights"
	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/runner"
)

// tiny is a network that starts quickly.
var tiny = airbench.Net{Widths: [3]int{24, 24, 24}}

// ship replaces the project's weights of a name for the duration of a test.
func ship(t *testing.T, name string, file []byte) {
	before := weights.Files
	t.Cleanup(func() { weights.Files = before })
	weights.Files = fstest.MapFS{name + ".safetensors.gz": {Data: file}}
}

// fresh returns a runner for a model with the weights of a seed, and their compact file.
func fresh(t *testing.T, l *Lab, m runner.Model, seed uint64) (*runner.Runner, []byte) {
	r, err := l.Runner("library", m, runner.Config{Seed: seed})
	require.NoError(t, err)
	t.Cleanup(r.Finalize)
	var b bytes.Buffer
	require.NoError(t, r.WriteCompact(&b, pretrained.Info{DType: "F32", Accuracy: 0.625}))
	return r, b.Bytes()
}

// firstValues are values of a runner that follow from its seed.
func firstValues(t *testing.T, r *runner.Runner) []float32 {
	params := tiny.Params()
	values, err := nn.Values(r.Store(), params[len(params)-1])
	require.NoError(t, err)
	return values[:5]
}

// The reader's own training comes first, then the project's weights with a line that says so, then an error that says what to do.
func TestTrained(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	var out strings.Builder
	l, err := WithoutData(Settings{Work: t.TempDir(), Epochs: 1, Out: &out})
	require.NoError(t, err)
	require.Regexp(t, `^backend: pure Go`, l.String())

	ship(t, "other", nil)
	_, err = l.Trained("library", tiny, "notebook 03-train")
	require.ErrorIs(t, err, ErrNotTrained)
	require.ErrorContains(t, err, "best.safetensors: run notebook 03-train first")

	projects, file := fresh(t, l, tiny, 1)
	ship(t, "library", file)
	r, err := l.Trained("library", tiny, "notebook 03-train")
	require.NoError(t, err)
	require.Equal(t, firstValues(t, projects), firstValues(t, r))
	require.Equal(t, "no trained model in "+l.RunDir("library")+" yet (notebook 03-train makes one): using the project's, with test accuracy 0.6250\n", out.String())
	require.Equal(t, "data/weights/library.safetensors.gz", r.LoadedFrom())
	r.Finalize()
	_, err = l.Trained("mine", tiny, "my command")
	require.ErrorIs(t, err, ErrNotTrained, "the project's weights are for the notebooks' runs only")

	out.Reset()
	own, _ := fresh(t, l, tiny, 2)
	require.NoError(t, os.MkdirAll(own.Dir(), 0o755))
	require.NoError(t, own.SaveModel(own.BestPath()))
	r, err = l.Trained("library", tiny, "notebook 03-train")
	require.NoError(t, err)
	require.Equal(t, firstValues(t, own), firstValues(t, r))
	require.NotEqual(t, firstValues(t, own), firstValues(t, projects))
	require.Equal(t, own.BestPath(), r.LoadedFrom())
	require.Empty(t, out.String())
	r.Finalize()

	// A damaged model of the reader's is reported: it may be worth rescuing.
	require.NoError(t, os.Truncate(own.BestPath(), 1000))
	_, err = l.Trained("library", tiny, "notebook 03-train")
	require.ErrorIs(t, err, runner.ErrCorrupt)
	require.Empty(t, out.String())
	_, err = l.Saved("library")
	require.NotErrorIs(t, err, ErrNotTrained)
	require.ErrorContains(t, err, own.BestPath())
	_, err = l.Saved("none")
	require.ErrorIs(t, err, ErrNotTrained)
}

// Project's weights that are damaged, or of another network, are reported.
func TestTrainedBadWeights(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	l, err := WithoutData(Settings{Work: t.TempDir(), Epochs: 1, Out: &strings.Builder{}})
	require.NoError(t, err)
	_, file := fresh(t, l, tiny, 1)
	ship(t, "custom", file)
	require.True(t, HasShipped("handbuilt"))
	require.False(t, HasShipped("library"))
	wider := airbench.Net{Widths: [3]int{24, 24, 32}}
	_, err = l.Trained("handbuilt", wider, "this notebook")
	require.ErrorIs(t, err, ErrNotTrained)
	require.ErrorContains(t, err, "run this notebook first (the project's do not fit: ")
	require.ErrorContains(t, err, `"group3.conv1.weight" has shape [24 24 3 3]`)

	ship(t, "custom", file[:len(file)/2])
	_, err = l.Trained("custom", tiny, "this notebook")
	require.ErrorIs(t, err, runner.ErrCorrupt)
	require.ErrorContains(t, err, filepath.Join("data", "weights", "custom"))
}

// A run that starts from a file has a copy of its weights: the file may be gone when the run resumes.
func TestStartFileGone(t *testing.T) {
	l, err := New(Settings{Work: t.TempDir(), Epochs: 1, TrainImages: 10, Backend: "go", Out: &bytes.Buffer{}})
	require.NoError(t, err)
	r, err := l.Runner("mine", tiny, runner.Config{})
	require.NoError(t, err)
	defer r.Finalize()
	file := filepath.Join(t.TempDir(), "weights.safetensors")
	require.NoError(t, r.SaveModel(file))
	require.NoError(t, StartFrom(r, file, "library"))
	require.NoError(t, os.Remove(file))
	require.NoError(t, StartFrom(r, file, "library"))
	require.ErrorIs(t, StartFrom(r, file+".other", "library"), os.ErrNotExist)
}
