package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// parseTrain returns what train's flags set.
func parseTrain(t *testing.T, args ...string) *app {
	a := &app{}
	require.NoError(t, a.train().ParseFlags(doubleDashes(args)), args)
	return a
}

// initialRun is the run whose imported weights a run starts from.
func initialRun(run string) string {
	if strings.HasPrefix(run, "library-") {
		return "library"
	}
	return run
}

func TestTrainConfig(t *testing.T) {
	t.Parallel()
	with := func(change func(*runner.Config)) runner.Config {
		c := runner.Config{Epochs: 30, Devices: 1, BatchSize: 64, LearningRate: 0.001, WeightDecay: 0.005, Seed: 100}
		c.Recipe.Optimizer = "adam-l2"
		change(&c)
		return c
	}
	for _, test := range []struct {
		args []string
		run  string
		want runner.Config
	}{
		{nil, "library", with(func(c *runner.Config) {})},
		{[]string{"-lr", "0.001", "-batch", "64", "-optimizer", "adam-l2", "-seed", "100"}, "library", with(func(c *runner.Config) {})},
		{[]string{"-epochs", "2", "-train-images", "512"}, "library-512-images", with(func(c *runner.Config) { c.Epochs = 2 })},
		{[]string{"-lr", "1e-2", "-seed", "7"}, "library-lr-0.01-seed-7", with(func(c *runner.Config) { c.LearningRate, c.Seed = 0.01, 7 })},
		{[]string{"-weight-decay", "0", "-batch=128"}, "library-batch-128-weight-decay-0", with(func(c *runner.Config) { c.WeightDecay, c.BatchSize = -1, 128 })},
		{[]string{"--optimizer", "adamw"}, "library-optimizer-adamw", with(func(c *runner.Config) { c.Recipe.Optimizer = "adamw" })},
		{[]string{"-optimizer", "nesterov", "-momentum", "0.8"}, "library-optimizer-nesterov-momentum-0.8", with(func(c *runner.Config) {
			c.Recipe.Optimizer, c.Recipe.Momentum = "nesterov", 0.8
		})},
		{[]string{"-optimizer", "momentum"}, "library-optimizer-momentum", with(func(c *runner.Config) {
			c.Recipe.Optimizer, c.Recipe.Momentum = "momentum", 0.9
		})},
		{[]string{"-schedule", "cosine", "-warmup", "0.05", "-epochs", "5"}, "library-schedule-cosine-warmup-0.05-epochs-5", with(func(c *runner.Config) {
			c.Epochs, c.Recipe.Schedule = 5, optim.Schedule{Kind: "cosine", Warmup: 0.05}
		})},
		{[]string{"-augment", "flip,shift", "-label-smoothing", "0.1"}, "library-augment-flip-shift-label-smoothing-0.1", with(func(c *runner.Config) {
			c.Recipe.Augment, c.Recipe.LabelSmoothing = cifar.Augment{Flip: "random", Shift: 4}, 0.1
		})},
		{[]string{"-augment", "shift=2"}, "library-augment-shift-2", with(func(c *runner.Config) { c.Recipe.Augment.Shift = 2 })},
		{[]string{"-lr", "0.01", "-run", "mine", "-train-images", "8", "-devices", "2", "-launch-steps", "5"}, "mine", with(func(c *runner.Config) {
			c.LearningRate, c.Devices, c.LaunchSteps = 0.01, 2, 5
		})},
	} {
		a := parseTrain(t, test.args...)
		c, err := a.trainConfig()
		require.NoError(t, err, test.args)
		require.Equal(t, filepath.Join("work", "runs", initialRun(test.run), "initial.safetensors"), c.Initial, test.args)
		c.Initial = ""
		require.Equal(t, test.want, c, test.args)
		require.Equal(t, test.run, a.runName(a.changes()...), test.args)
		require.Equal(t, filepath.Join("work", "runs", test.run), a.runDir(a.changes()...))
	}
}

func TestTrainNetwork(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		run  string
		want resnet.Config
	}{
		{nil, "library", resnet.Library()},
		{[]string{"-model", "custom"}, "custom", resnet.Custom(3, 10, true)},
		{[]string{"-model", "plain"}, "plain", resnet.Custom(3, 10, false)},
		{[]string{"-model", "custom", "-plain"}, "plain", resnet.Custom(3, 10, false)},
		{[]string{"-depth", "34"}, "library-depth-34", resnet.Config{Depth: 34, InChannels: 3, NumClasses: 1000, Stem: resnet.ImageNetStem}},
		{[]string{"-plain"}, "library-plain", resnet.Config{Depth: 18, InChannels: 3, NumClasses: 1000, Plain: true, Stem: resnet.ImageNetStem}},
		{[]string{"-stem", "cifar", "-model", "custom", "-bfloat16"}, "custom-cifar-stem-bfloat16",
			resnet.Config{Depth: 18, InChannels: 3, NumClasses: 10, Stem: resnet.CIFARStem, BFloat16: true}},
	} {
		a := parseTrain(t, test.args...)
		require.NoError(t, a.validate(), test.args)
		require.Equal(t, test.want, a.network(), test.args)
		require.Equal(t, test.run, a.runName(a.changes()...), test.args)
	}
}

func TestTrainErrors(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"-lr is 0, want a positive number":                                     {"-lr", "0"},
		"-lr is -1, want a positive number":                                    {"-lr", "-1"},
		"-lr is NaN, want a positive number":                                   {"-lr", "nan"},
		"-batch is 1, want at least 2":                                         {"-batch", "1"},
		`-optimizer is "lion", want adam-l2, adamw, sgd, momentum or nesterov`: {"-optimizer", "lion"},
		"-momentum needs -optimizer momentum or nesterov":                      {"-momentum", "0.5"},
		"-momentum is 0, want more than 0 and less than 1":                     {"-momentum", "0", "-optimizer", "nesterov"},
		"-weight-decay is -1, want 0 (none) or more":                           {"-weight-decay", "-1"},
		`-schedule is "step", want constant, linear or cosine`:                 {"-schedule", "step"},
		"-warmup needs -schedule linear or cosine":                             {"-warmup", "0.1"},
		"-warmup is 1, want at least 0 and less than 1":                        {"-warmup", "1", "-schedule", "linear"},
		"-label-smoothing is 1, want at least 0 and less than 1":               {"-label-smoothing", "1"},
		"-seed is 0, want at least 1":                                          {"-seed", "0"},
		`-seed is "-1", want a whole number of at least 0`:                     {"-seed", "-1"},
		`-augment has "rotate", want flip, shift or shift=NUMBER`:              {"-augment", "flip,rotate"},
		`-augment has "shift=17", want shift=1 to shift=16`:                    {"-augment", "shift=17"},
		"-devices is 0, want at least 1":                                       {"-devices", "0"},
		"-launch-steps is -1, want at least 1":                                 {"-launch-steps", "-1"},
	} {
		code, out, err := call(append([]string{"train"}, args...)...)
		require.Equal(t, 2, code, args)
		require.Empty(t, out)
		require.Contains(t, err, "resnet18 train: "+want, args)
	}
}

// A run with other settings has a folder of its own. With -run, they belong to a different run, which the error says.
func TestTrainRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	t.Parallel()
	work := workFolder(t)
	code, _, err := call("import", weightsFile(t, resnet.Custom(3, 10, true)), "-model", "custom", "-work", work)
	require.Zero(t, code, err)
	code, out, err := call("predict", "0", "-model", "custom", "-backend", "go", "-work", work) // with the imported weights
	require.Zero(t, code, err)
	require.Contains(t, out, "The true category is")
	flags := []string{"train", "-epochs", "1", "-train-images", "2", "-model", "custom", "-backend", "go", "-work", work}
	for _, args := range [][]string{nil, {"-lr", "0.01", "-augment", "flip"}, {"-run", "mine"}} {
		code, out, err := call(append(flags, args...)...)
		require.Zero(t, code, err)
		require.Equal(t, len(args) == 0 || args[0] != "-run", strings.Contains(out, "weights.safetensors"), "starts from the imported weights: %s", out)
	}
	for _, run := range []string{"custom-2-images", "custom-lr-0.01-augment-flip-2-images", "mine"} {
		require.FileExists(t, filepath.Join(work, "runs", run, "best.safetensors"))
		code, out, err := call("evaluate", "-run", run, "-train-images", "2", "-backend", "go", "-work", work)
		require.Zero(t, code, err)
		require.Contains(t, out, "[Test] accuracy/loss:")
	}
	code, _, err = call(append(flags, "-run", "mine", "-lr", "0.01")...)
	require.Equal(t, 1, code)
	require.Contains(t, err, "belongs to a different run")
	require.Contains(t, err, "learning rate")
}
