package runner

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/gomlx/compute"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
)

func toyValues(t *testing.T, r *Runner) map[string][]float32 {
	values := map[string][]float32{}
	for _, p := range (toy{}).Params() {
		v, err := nn.Values(r.Store(), p)
		require.NoError(t, err)
		values[p.Name] = v
	}
	return values
}

// With frozen layers, only the last one changes; running statistics stay as they are, and are used in training. A run that is
// stopped and resumed ends like one that was not.
func TestFreeze(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		c := toyConfig
		c.Recipe.Freeze = true
		whole, part := t.TempDir(), t.TempDir()
		r, out := newToy(t, b, toy{}, whole, c)
		require.NoError(t, nn.SetValues(r.Store(), toy{}.Params()[0], []float32{-0.5, 0.25, 0.125}))
		require.NoError(t, r.SaveModel(filepath.Join(part, initialName)))
		before := toyValues(t, r)
		require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
		after := toyValues(t, r)
		require.Equal(t, before["norm.running_mean"], after["norm.running_mean"])
		require.NotEqual(t, before["fc.weight"], after["fc.weight"])
		require.NotEqual(t, before["fc.bias"], after["fc.bias"])
		require.Contains(t, out.String(), "[Train]")

		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		stopped, out := newToy(t, b, toy{}, part, c)
		out.on("step: 7/", cancel)
		require.ErrorIs(t, stopped.Train(ctx, toyTrain(), toyDev()), ErrStopped)
		resumed, _ := newToy(t, b, toy{}, part, c)
		require.NoError(t, resumed.Train(context.Background(), toyTrain(), toyDev()))
		require.Equal(t, after, toyValues(t, resumed))

		c.Recipe.Freeze = false
		other, _ := newToy(t, b, toy{}, part, c)
		err := other.Train(context.Background(), toyTrain(), toyDev())
		require.ErrorIs(t, err, ErrOtherRun)
		require.ErrorContains(t, err, "recipe: got only the last layer is trained, want the chapter's")
	})
}

func TestFreezeErrors(t *testing.T) {
	t.Parallel()
	_, err := New(goBackend(t), toy{}, t.TempDir(), Config{Recipe: Recipe{Freeze: true, PreciseNorm: 2}})
	require.ErrorContains(t, err, "precise norm is 2 with frozen layers")
	_, err = New(goBackend(t), headless{}, t.TempDir(), Config{Recipe: Recipe{Freeze: true}})
	require.ErrorContains(t, err, `no last layer "fc"`)
}

// headless is a model whose last layer has another name.
type headless struct{ toy }

func (headless) Params() []nn.Param { return toy{}.Params()[:1] }

func named(d *cifar.Dataset, names ...string) *cifar.Dataset {
	copied := *d
	copied.Classes = names
	return &copied
}

// Classes of the reader's own are in the model's file, and part of the run's identity.
func TestClasses(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	train := func(m toy, names ...string) (*Runner, error) {
		r, _ := newToy(t, b, m, dir, toyConfig)
		return r, r.Train(context.Background(), named(toyTrain(), names...), named(toyDev(), names...))
	}
	three := toy{classes: 3}
	_, err := train(three, "red", "green", "blue", "black")
	require.ErrorContains(t, err, "4 classes for a network with 3 outputs")
	_, err = train(three)
	require.ErrorContains(t, err, "10 classes for a network with 3 outputs", "CIFAR-10's")
	_, err = train(three, "red", "green", "blue")
	require.NoError(t, err)

	r, _ := newToy(t, b, three, dir, toyConfig)
	require.Nil(t, r.Classes())
	require.Equal(t, "bird", r.ClassName(2))
	require.NoError(t, r.LoadBest())
	require.Equal(t, []string{"red", "green", "blue"}, r.Classes())
	require.Equal(t, "blue", r.ClassName(2))
	require.Equal(t, "output 3", r.ClassName(3))
	require.Equal(t, toyTrain().Fingerprint(), r.TrainedOn())
	var exported bytes.Buffer
	require.NoError(t, r.WriteModel(&exported))
	path := filepath.Join(t.TempDir(), "exported")
	require.NoError(t, os.WriteFile(path, exported.Bytes(), 0o600))
	other, _ := newToy(t, b, three, t.TempDir(), toyConfig)
	require.NoError(t, other.LoadModel(path))
	require.Equal(t, []string{"red", "green", "blue"}, other.Classes())
	require.Empty(t, other.TrainedOn())
	require.NoError(t, other.LoadFeatures(path))
	require.Nil(t, other.Classes(), "the last layer is fresh")

	_, err = train(three, "red", "green", "violet")
	require.ErrorIs(t, err, ErrOtherRun)
	require.ErrorContains(t, err, `classes: got 3 with "blue", want 3 with "violet"`)
	_, err = train(three, "red", "green")
	require.ErrorContains(t, err, `classes: got 3 with "blue", want 2`)
	r, _ = newToy(t, b, three, dir, toyConfig)
	err = r.Train(context.Background(), named(toyTrain(), "a", "b", "c"), named(toyDev(), "a", "b", "d"))
	require.ErrorContains(t, err, "the classes of train and dev differ")
	r, _ = newToy(t, b, toy{}, dir, toyConfig)
	err = r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorContains(t, err, `classes: got 3 with "red", want CIFAR-10's`)
}

// A run says what it started from, and does not resume with another start.
func TestStartFrom(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	start := func(source string, bias float32) (*Runner, error) {
		r, _ := newToy(t, b, toy{classes: 2}, dir, toyConfig)
		return r, r.StartFrom(source, func() error {
			return nn.SetValues(r.Store(), toy{classes: 2}.Params()[2], []float32{bias, bias})
		})
	}
	for _, bias := range []float32{1, 2} { // before the first checkpoint it may start again
		r, err := start("a.safetensors", bias)
		require.NoError(t, err)
		require.NoError(t, r.LoadBest())
		v, err := nn.Values(r.Store(), toy{classes: 2}.Params()[2])
		require.NoError(t, err)
		require.Equal(t, []float32{bias, bias}, v)
	}
	for _, source := range []string{"b.safetensors", ""} {
		_, err := start(source, 3)
		require.ErrorIs(t, err, ErrOtherRun)
		require.ErrorContains(t, err, "start: got a.safetensors, want "+cmp.Or(source, "random weights"))
	}
	r, err := start("a.safetensors", 4)
	require.NoError(t, err)
	two := func(d *cifar.Dataset) *cifar.Dataset {
		copied := *d
		copied.Labels = make([]uint16, d.Len())
		copied.Classes = []string{"x", "y"}
		return &copied
	}
	require.NoError(t, r.Train(context.Background(), two(toyTrain()), two(toyDev())))
	require.Equal(t, "a.safetensors", r.History.Initial)
	r, err = start("a.safetensors", 5)
	require.NoError(t, err)
	source, err := r.Start()
	require.NoError(t, err)
	require.Equal(t, "a.safetensors", source)
	require.NoError(t, r.Train(context.Background(), two(toyTrain()), two(toyDev())))
	_, err = start("", 0)
	require.ErrorContains(t, err, "start: got a.safetensors, want random weights")

	dir = t.TempDir() // from scratch
	r, err = start("", 0)
	require.NoError(t, err)
	require.NoError(t, r.Train(context.Background(), two(toyTrain()), two(toyDev())))
	_, err = start("a.safetensors", 0)
	require.ErrorContains(t, err, "start: got random weights, want a.safetensors")
}
