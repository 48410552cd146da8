package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/internal/badinput"
	"nndl.example/resnet18/pkg/safetensors"
)

// stopped makes a folder with two checkpoints of a run that was stopped, after 8 and after 9 steps.
func stopped(t *testing.T) (dir, older, newest string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run [1]*") // no pattern, a name
	c := toyConfig
	c.SaveEvery = time.Nanosecond
	r, out := newToy(t, goBackend(t), toy{}, dir, c)
	ctx, cancel := context.WithCancel(context.Background())
	out.on("step: 8/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	return dir, dir + "/checkpoint-00000008.safetensors", dir + "/checkpoint-00000009.safetensors"
}

// A checkpoint that is damaged in any way is named, and the one before it serves. The end is the same.
func TestDamagedCheckpoint(t *testing.T) {
	t.Parallel()
	want := trainToy(t, goBackend(t), t.TempDir(), toyConfig)
	rewrite := func(change func(*checkpoint)) func(*testing.T, []byte) []byte {
		return func(t *testing.T, b []byte) []byte {
			path := t.TempDir() + "/c"
			require.NoError(t, os.WriteFile(path, b, 0o644))
			c, err := readCheckpoint(path)
			require.NoError(t, err)
			change(c)
			var out bytes.Buffer
			require.NoError(t, c.write(&out))
			return out.Bytes()
		}
	}
	raw := func(metadata map[string]string, ts ...safetensors.Tensor) func(*testing.T, []byte) []byte {
		return func(t *testing.T, _ []byte) []byte {
			var out bytes.Buffer
			require.NoError(t, safetensors.Write(&out, ts, metadata))
			return out.Bytes()
		}
	}
	for _, test := range []struct {
		name   string
		damage func(*testing.T, []byte) []byte
		want   string
	}{
		{"empty", func(*testing.T, []byte) []byte { return nil }, "0 bytes, want at least 8"},
		{"cut in its header", func(_ *testing.T, b []byte) []byte { return b[:100] }, "truncated"},
		{"cut in its tensors", func(_ *testing.T, b []byte) []byte { return b[:len(b)-1] }, "truncated"},
		{"longer", func(_ *testing.T, b []byte) []byte { return append(b, 0) }, "longer than it says"},
		{"a flipped weight", flip(func(b []byte) int { return len(b) - 1 }), "does not match its SHA-256"},
		{"a flipped loss", flip(func(b []byte) int { return bytes.Index(b, []byte(`\"l\":`)) + 7 }), ""},
		{"text", func(*testing.T, []byte) []byte { return []byte("<html>Not found</html>") }, "not a safetensors file"},
		{"foreign weights", raw(map[string]string{"format": "pt"}), "not a checkpoint of a training run"},
		{"no metadata", raw(nil), "not a checkpoint of a training run"},
		{"odd metadata", raw(map[string]string{"step": "9x", "identity": "[]", "history": "{"}), "metadata of the checkpoint"},
		{"history too short", rewrite(func(c *checkpoint) { c.history.Steps = c.history.Steps[:3] }), "is of step 9, its history has 3 steps"},
		{"step 0", rewrite(func(c *checkpoint) { c.step, c.history = 0, History{} }), "is of step 0"},
		{"odd dtype", raw(map[string]string{"step": "1", "identity": "{}", "history": `{"steps":[{}]}`},
			safetensors.Tensor{Name: "/x", DType: "I8", Shape: []int{1}, Data: []byte{1}}), "dtype I8"},
		{"a variable missing", rewrite(func(c *checkpoint) {
			c.tensors = slices.DeleteFunc(c.tensors, func(t safetensors.Tensor) bool { return t.Name == "/fc/bias" })
		}), "has no variable /fc/bias"},
		{"another shape", rewrite(func(c *checkpoint) {
			i := slices.IndexFunc(c.tensors, func(t safetensors.Tensor) bool { return t.Name == "/fc/bias" })
			c.tensors[i].Shape, c.tensors[i].Data = []int{11}, make([]byte, 44)
		}), "variable /fc/bias is F32[11], want (Float32)[10]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, _, newest := stopped(t)
			b, err := os.ReadFile(newest)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(newest, test.damage(t, b), 0o644))

			r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
			require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
			require.Contains(t, out.String(), "(passing over a checkpoint that cannot be used: ")
			require.Contains(t, out.String(), test.want)
			require.Contains(t, out.String(), newest)
			require.Contains(t, out.String(), "(going on at step 8 of 15)")
			badinput.Log(t, "checkpoint", strings.Split(out.String(), "\n")[0])
			requireSame(t, want, lastCheckpoint(t, r))
			require.FileExists(t, newest+".damaged")
		})
	}
}

func flip(at func([]byte) int) func(*testing.T, []byte) []byte {
	return func(_ *testing.T, b []byte) []byte {
		b[at(b)] ^= 1
		return b
	}
}

func TestAllCheckpointsDamaged(t *testing.T) {
	t.Parallel()
	dir, older, newest := stopped(t)
	for _, p := range []string{older, newest} {
		require.NoError(t, os.Truncate(p, 1000))
	}
	r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorContains(t, err, "none of the 2 checkpoints in "+dir+" can be used: delete them to train from the start")
	require.Equal(t, 2, strings.Count(out.String(), "passing over"))
	require.FileExists(t, newest, "it stays: the cause may be outside of it")
	require.Empty(t, r.History.Steps)
}

// A restore that fails has changed nothing.
func TestRestoreIsWhole(t *testing.T) {
	t.Parallel()
	_, _, newest := stopped(t)
	c, err := readCheckpoint(newest)
	require.NoError(t, err)
	c.tensors = slices.DeleteFunc(c.tensors, func(t safetensors.Tensor) bool { return t.Name == "/fc/bias" })
	r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), toyConfig)
	_, before, err := r.Evaluate(context.Background(), toyDev())
	require.NoError(t, err)
	require.ErrorContains(t, r.restore(c), "no variable /fc/bias")
	_, after, err := r.Evaluate(context.Background(), toyDev())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Len(t, r.state(), 3)
	require.Empty(t, r.History)
}

// The checkpoint must bring all that training uses: an optimizer that finds no moments starts them at zero,
// without a word.
func TestOptimizerStateMissing(t *testing.T) {
	t.Parallel()
	dir, older, newest := stopped(t)
	require.NoError(t, os.Remove(older))
	c, err := readCheckpoint(newest)
	require.NoError(t, err)
	c.tensors = slices.DeleteFunc(c.tensors, func(t safetensors.Tensor) bool { return strings.HasSuffix(t.Name, "2nd_moment") })
	require.NoError(t, WriteAtomically(newest, c.write))
	r, _ := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	err = r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorContains(t, err, "2nd_moment that the checkpoint does not have")
}

// The first version's checkpoints have no SHA-256 and no fingerprint of dev. Nor does their name stand for more
// than the order.
func TestFirstVersion(t *testing.T) {
	t.Parallel()
	want := trainToy(t, goBackend(t), t.TempDir(), toyConfig)
	dir, older, newest := stopped(t)
	require.NoError(t, os.Remove(older))
	f, err := safetensors.Open(newest)
	require.NoError(t, err)
	delete(f.Metadata, "sha256")
	before, _, _ := strings.Cut(f.Metadata["identity"], `,"dev"`)
	require.NotEqual(t, before, f.Metadata["identity"])
	f.Metadata["identity"] = before + "}"
	c, err := readCheckpoint(newest)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, WriteAtomically(newest, func(w io.Writer) error { return safetensors.Write(w, c.tensors, f.Metadata) }))
	requireSame(t, want, trainToy(t, goBackend(t), dir, toyConfig))
}

// What is not in the store's own hands: the names and keys that files on disk have.
func TestFormat(t *testing.T) {
	t.Parallel()
	_, _, newest := stopped(t)
	f, err := safetensors.Open(newest)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []string{"/norm/running_mean", "/fc/weight", "/fc/bias", "/optimizers/learning_rate", "/global_step", "/AdamOptimizer/step",
		"/AdamOptimizer/fc/weight_1st_moment", "/AdamOptimizer/fc/weight_2nd_moment", "/AdamOptimizer/fc/bias_1st_moment", "/AdamOptimizer/fc/bias_2nd_moment"}, f.Names())
	require.Equal(t, "9", f.Metadata["step"])
	var history map[string]any
	require.NoError(t, json.Unmarshal([]byte(f.Metadata["history"]), &history))
	require.Len(t, history["steps"], 9)
	require.Contains(t, history["steps"].([]any)[0], "l")
	require.JSONEq(t, `{"model": "toy with 10 classes", "batch_size": 10, "learning_rate": 0.1, "weight_decay": 0.005, "seed": 100,
		"data": "`+toyTrain().Fingerprint()+`", "dev": "`+toyDev().Fingerprint()+`"}`, f.Metadata["identity"])
	step, err := f.Tensor("/global_step")
	require.NoError(t, err)
	require.Equal(t, []byte{9, 0, 0, 0, 0, 0, 0, 0}, step.Data)
}

// A checkpoint of another run is refused, and the error says what differs.
func TestAnotherRun(t *testing.T) {
	t.Parallel()
	dir, _, newest := stopped(t)
	for _, test := range []struct {
		name   string
		model  toy
		config func(*Config)
		train  *cifar.Dataset
		dev    *cifar.Dataset
		want   string
	}{
		{name: "classes", model: toy{classes: 3}, want: "model toy with 10 classes there, toy with 3 classes now"},
		{name: "learning rate", config: func(c *Config) { c.LearningRate = 0.5 }, want: "learning rate 0.1 there, 0.5 now"},
		{name: "batch size and seed", config: func(c *Config) { c.BatchSize, c.Seed = 7, 7 }, want: "batch size 10 there, 7 now, seed 100 there, 7 now"},
		{name: "weight decay", config: func(c *Config) { c.WeightDecay = -1 }, want: "weight decay 0.005 there, -1 now"},
		{name: "data", train: toyTrain().Take(40), want: "training data " + toyTrain().Fingerprint() + " there, "},
		{name: "dev data", dev: toyDev().Take(10), want: "dev data " + toyDev().Fingerprint() + " there, "},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, train, dev := toyConfig, toyTrain(), toyDev()
			if test.config != nil {
				test.config(&c)
			}
			if test.train != nil {
				train = test.train
			}
			if test.dev != nil {
				dev = test.dev
			}
			r, _ := newToy(t, goBackend(t), test.model, dir, c)
			err := r.Train(context.Background(), train, dev)
			require.ErrorContains(t, err, newest+" was made by another run (")
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "choose another folder, or delete this one to train anew")
		})
	}
}

// The history can be read without the weights, and without the same model.
func TestLoadHistory(t *testing.T) {
	t.Parallel()
	dir, _, newest := stopped(t)
	c, err := readCheckpoint(newest)
	require.NoError(t, err)
	r, _ := newToy(t, goBackend(t), toy{}, dir, Config{})
	require.NoError(t, r.LoadHistory())
	require.Equal(t, c.history, r.History)

	require.NoError(t, os.Truncate(newest, 100))
	require.NoError(t, r.LoadHistory(), "the one before it serves")
	require.Len(t, r.History.Steps, 8)

	r, _ = newToy(t, goBackend(t), toy{}, t.TempDir(), Config{})
	require.ErrorContains(t, r.LoadHistory(), "no run has been saved in "+r.Dir())
}

func TestLoadModelErrors(t *testing.T) {
	t.Parallel()
	dir, _, newest := stopped(t)
	r, _ := newToy(t, goBackend(t), toy{classes: 3}, t.TempDir(), toyConfig)
	require.ErrorIs(t, r.LoadModel(r.BestPath()), os.ErrNotExist)
	require.ErrorContains(t, r.LoadModel(newest), "no tensor")
	err := r.LoadModel(dir + "/best.safetensors")
	require.ErrorContains(t, err, "another number of classes")
	require.ErrorContains(t, err, dir)
	require.ErrorIs(t, r.SaveModel(dir+"/nowhere/m.safetensors"), os.ErrNotExist)
}

// Whatever bytes a checkpoint holds, reading gives an error or a state that fits, and never a panic.
func FuzzCheckpoint(f *testing.F) {
	var good bytes.Buffer
	c := &checkpoint{step: 1, id: identity{Model: "toy"}, history: History{Steps: make([]Step, 1)}}
	for _, p := range (toy{}).Params() {
		c.tensors = append(c.tensors, safetensors.Tensor{Name: p.Path(), DType: "F32", Shape: p.Dims, Data: make([]byte, 4*p.Size())})
	}
	require.NoError(f, c.write(&good))
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:good.Len()-1])
	f.Add(bytes.Replace(good.Bytes(), []byte("sha256"), []byte("sha255"), 1))
	f.Add(bytes.Replace(good.Bytes(), []byte("F32"), []byte("I32"), 1))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := safetensors.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		c, err := parseCheckpoint(file)
		if err != nil {
			return
		}
		r := &Runner{store: model.NewStore()}
		require.NoError(t, toy{}.Init(r.store, 1))
		err = r.restore(c)
		require.Equal(t, err == nil, len(r.History.Steps) == c.step)
		for _, p := range (toy{}).Params() {
			require.Equal(t, p.Dims, r.store.GetVariable(p.Path()).Shape().Dimensions)
		}
	})
}
