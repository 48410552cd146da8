package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/exercises"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/picture"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
	"nndl.example/resnet18/pkg/safetensors"
)

// weightsFile writes a network's fresh weights as a file from elsewhere.
func weightsFile(t *testing.T, c resnet.Config) string {
	store := model.NewStore()
	require.NoError(t, c.Init(store, 7))
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, nn.WriteWeights(f, store, c.Params(), map[string]string{"format": "pt", "model": c.String()}))
	require.NoError(t, f.Close())
	return path
}

// weightsIn reads a file's tensors.
func weightsIn(t *testing.T, path string) (ts []safetensors.Tensor) {
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for _, name := range f.Names() {
		tensor, err := f.Tensor(name)
		require.NoError(t, err)
		ts = append(ts, tensor)
	}
	return ts
}

// What import takes, export gives back, bit for bit.
func TestImportExport(t *testing.T) {
	t.Parallel()
	work, in := t.TempDir(), weightsFile(t, resnet.Custom(3, 10, true))
	flags := []string{"-work", work, "-model", "custom"}
	code, _, err := call(append(append([]string{"export"}, flags...), filepath.Join(work, "none"))...)
	require.Equal(t, 1, code)
	require.Contains(t, err, `run "resnet18 train -model custom -work `+work+`" first`)

	code, out, err := call(append(append([]string{"import"}, flags...), in)...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "resnet18 evaluate -model custom")
	code, out, err = call(append(append([]string{"export"}, flags...), filepath.Join(work, "out"))...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "resnet18(num_classes=10)")
	require.Equal(t, weightsIn(t, in), weightsIn(t, filepath.Join(work, "out")))

	code, out, err = call(append([]string{"export", "-"}, flags...)...)
	require.Equal(t, 0, code, err)
	exported, e := os.ReadFile(filepath.Join(work, "out"))
	require.NoError(t, e)
	require.True(t, string(exported) == out)

	code, _, err = call(append(append([]string{"import"}, flags...), in)...)
	require.Equal(t, 1, code)
	require.Contains(t, err, "initial.safetensors exists")
}

// Weights that DataParallel has written in half precision are imported, and the command says what it ignored.
func TestImportFromElsewhere(t *testing.T) {
	t.Parallel()
	in, dir := weightsFile(t, resnet.Custom(3, 10, true)), t.TempDir()
	ts := weightsIn(t, in)
	for i, tensor := range ts {
		half := make([]byte, 0, len(tensor.Data)/2)
		for at := 2; at < len(tensor.Data); at += 4 {
			half = append(half, tensor.Data[at:at+2]...) // bfloat16 is the upper half of float32
		}
		ts[i] = safetensors.Tensor{Name: "module." + tensor.Name, DType: "BF16", Shape: tensor.Shape, Data: half}
	}
	save := func() string {
		path := filepath.Join(dir, "parallel.safetensors")
		f, err := os.Create(path)
		require.NoError(t, err)
		require.NoError(t, safetensors.Write(f, ts, nil))
		require.NoError(t, f.Close())
		return path
	}
	code, out, err := call("import", "-work", filepath.Join(dir, "work"), "-model", "custom", save())
	require.Equal(t, 0, code, err)
	require.Contains(t, out, `begin with "module.", which is ignored`)

	copy(ts[3].Data, []byte{0xC0, 0x7F}) // NaN
	code, _, err = call("import", "-work", filepath.Join(dir, "work2"), "-model", "custom", save())
	require.Equal(t, 1, code)
	require.Contains(t, err, fmt.Sprintf("tensor %q has the value NaN at index 0", ts[3].Name))
	require.NoDirExists(t, filepath.Join(dir, "work2"))

	cut, e := os.ReadFile(in)
	require.NoError(t, e)
	path := filepath.Join(dir, "cut.safetensors")
	require.NoError(t, os.WriteFile(path, cut[:len(cut)/2], 0o600))
	code, _, err = call("import", "-work", filepath.Join(dir, "work2"), "-model", "custom", path)
	require.Equal(t, 1, code)
	require.Contains(t, err, "truncated")
	require.NotContains(t, err, "-new-head")
}

// The network follows from the weights.
func TestNetworkOf(t *testing.T) {
	t.Parallel()
	for _, want := range []resnet.Config{
		resnet.Library(), resnet.Custom(3, 10, true), resnet.Custom(3, 7, false),
		{Depth: 18, InChannels: 3, NumClasses: 10, Stem: resnet.CIFARStem},
		{Depth: 34, InChannels: 3, NumClasses: 10, Stem: resnet.ImageNetStem},
	} {
		got, err := (&app{model: "library", stem: stems[0]}).networkOf(weightsFile(t, want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := (&app{}).networkOf(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// import says how to use what it took.
func TestImportAgain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ flags, evaluate, train string }{
		{"", "-model library", "-model library"},
		{"-model custom", "-model custom", "-model custom"},
		{"-model custom -stem cifar", "-run custom-cifar-stem", "-model custom -stem cifar"},
		{"-depth 34", "-run library-depth-34", "-model library -depth 34"},
		{"-plain -run mine", "-run mine", "-model library -plain -run mine"},
		{"-model plain", "-run plain", "-model custom -plain"},
		{"-work a/b", "-model library -work a/b", "-model library -work a/b"},
	} {
		a := &app{}
		require.NoError(t, a.importModel().ParseFlags(doubleDashes(strings.Fields(test.flags))))
		require.NoError(t, a.validate())
		evaluate, train := a.againFlags()
		require.Equal(t, [2]string{test.evaluate, test.train}, [2]string{evaluate, train}, test.flags)
	}
}

// A command that is printed can be pasted into a shell, spaces and all.
func TestTrainCommandQuotes(t *testing.T) {
	t.Parallel()
	a := &app{model: "custom", work: "my work", pictures: "my pictures", run: "cats"}
	require.Equal(t, `"resnet18 train -data 'my pictures' -run cats -work 'my work'"`, a.trainCommand())
	a = &app{model: "custom", plain: true, work: "work", pictures: "my pictures"}
	require.Equal(t, `"resnet18 train -data 'my pictures' -plain -from scratch -run my-pictures-plain"`, a.trainCommand())
}

// Weights with 1,000 outputs go into a network with 10 when asked.
func TestImportNewHead(t *testing.T) {
	t.Parallel()
	work, in := t.TempDir(), weightsFile(t, resnet.Library())
	code, _, err := call("import", "-work", work, "-model", "custom", in)
	require.Equal(t, 1, code)
	require.Contains(t, err, `"fc.weight" has shape [1000 512], want [10 512]`)
	require.Contains(t, err, "-new-head")
	require.NoDirExists(t, filepath.Join(work, "runs"))
	code, out, err := call("import", "-new-head", "-work", work, "-model", "custom", in)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "its last layer is fresh")
	code, _, err = call("train", "-new-head")
	require.Equal(t, 2, code, err)
}

// The error of a file with other layers says by which flags it is imported.
func TestImportAdvice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file  resnet.Config
		flags string
		want  string
	}{
		{resnet.Config{Depth: 34, NumClasses: 10}, "-model custom", "the file contains ResNet-34, imagenet stem, 10 classes, import it with -model custom -depth 34"},
		{resnet.Config{Stem: resnet.CIFARStem, NumClasses: 100, Plain: true}, "-depth 34", "import it with -model library -plain -stem cifar -new-head"},
		{resnet.Custom(3, 10, true), "-model custom -plain", "import it with -model custom\n"},
		{resnet.Custom(3, 10, true), "-model plain", "import it with -model custom\n"},
		{resnet.Config{Depth: 34, NumClasses: 10, Plain: true}, "-model plain", "import it with -model custom -plain -depth 34\n"},
	} {
		args := append(append([]string{"import", "-work", t.TempDir()}, strings.Fields(test.flags)...), weightsFile(t, test.file))
		code, _, err := call(args...)
		require.Equal(t, 1, code)
		require.Contains(t, err, test.want)
		code, out, err := call(append(args[:3:3], append(strings.Fields(err[strings.Index(err, "-model"):]), args[len(args)-1])...)...)
		require.Zero(t, code, err)
		require.Contains(t, out, "imported ")
	}
}

// TestHandBuiltRun: evaluate, predict and export read the run of the network that notebook 06 builds, whose variables have names of
// their own.
func TestHandBuiltRun(t *testing.T) {
	if testing.Short() {
		t.Skip("predicts with the whole network")
	}
	t.Parallel()
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	work := t.TempDir()
	r, err := runner.New(b, exercises.HandBuilt(), filepath.Join(work, "runs", "handbuilt"), runner.Config{Seed: 5})
	require.NoError(t, err)
	defer r.Finalize()
	require.NoError(t, os.MkdirAll(r.Dir(), 0o755))
	require.NoError(t, r.SaveModel(r.BestPath()))
	white := whitePicture(t)
	pixels, _, err := picture.Load(white)
	require.NoError(t, err)
	logits, err := r.Predict(pixels)
	require.NoError(t, err)
	want := metrics.Softmax(logits[0])

	flags := []string{"-run", "handbuilt", "-work", work}
	code, out, stderr := call(append([]string{"predict", "-json", "-backend", "go", white}, flags...)...)
	require.Zero(t, code, stderr)
	var p prediction
	strict(t, out, &p)
	require.Equal(t, resnet.Custom(3, 10, true).String(), p.Network)
	require.Equal(t, filepath.Join(work, "runs", "handbuilt", "best.safetensors"), p.File)
	require.InDelta(t, want[p.Index], p.Probability, 1e-5)
	require.Equal(t, slices.Index(want, slices.Max(want)), p.Index)

	file := filepath.Join(work, "exported.safetensors")
	code, _, stderr = call(append([]string{"export", file}, flags...)...)
	require.Zero(t, code, stderr)
	code, out, stderr = call("predict", "-json", "-backend", "go", "-weights", file, white)
	require.Zero(t, code, stderr)
	var again prediction
	strict(t, out, &again)
	require.Equal(t, p.Top, again.Top)
}
