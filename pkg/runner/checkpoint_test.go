package runner

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/internal/atomicfile"
	"nndl.example/resnet18/pkg/internal/badinput"
	"nndl.example/resnet18/pkg/safetensors"
)

// stopped makes a run that was stopped after 9 steps, with checkpoints after 8 and 9.
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

// A damaged checkpoint is named, and the run resumes from the one before it, to the same end.
func TestDamagedCheckpoint(t *testing.T) {
	t.Parallel()
	want := trainToy(t, goBackend(t), t.TempDir(), toyConfig)
	rewrite := func(change func(*checkpoint)) func(*testing.T, []byte) []byte {
		return func(t *testing.T, b []byte) []byte {
			path := t.TempDir() + "/checkpoint-00000009.safetensors"
			require.NoError(t, os.WriteFile(path, b, 0o644))
			c, err := readCheckpoint(path, true)
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
	sealed := func(metadata map[string]string, ts ...safetensors.Tensor) func(*testing.T, []byte) []byte {
		metadata[digestKey] = digest(metadata, ts)
		return raw(metadata, ts...)
	}
	for _, test := range []struct {
		name   string
		damage func(*testing.T, []byte) []byte
		want   string
	}{
		{"empty", func(*testing.T, []byte) []byte { return nil }, "0 bytes, want at least 8"},
		{"cut in its header", func(_ *testing.T, b []byte) []byte { return b[:100] }, "truncated"},
		{"cut in its tensors", func(_ *testing.T, b []byte) []byte { return b[:len(b)-1] }, "truncated"},
		{"longer", func(_ *testing.T, b []byte) []byte { return append(b, 0) }, "followed by other data"},
		{"a flipped weight", flip(func(b []byte) int { return tensorAt(b, "/fc/weight") }), "does not match its SHA-256"},
		{"a flipped loss", flip(func(b []byte) int { return tensorAt(b, stepsTensor) }), "does not match its SHA-256"},
		{"a flipped byte of the log", flip(func(b []byte) int { return len(b) - 1 }), "does not match its SHA-256"},
		{"a flipped seed", flip(func(b []byte) int { return bytes.Index(b, []byte(`\"seed\":`)) + 10 }), "does not match its SHA-256"},
		{"a flipped name of a field", flip(func(b []byte) int { return bytes.Index(b, []byte(`\"seed\":`)) + 2 }), "does not match its SHA-256"},
		{"no digest", flip(func(b []byte) int { return bytes.Index(b, []byte(digestKey)) }), "no digest"},
		{"text", func(*testing.T, []byte) []byte { return []byte("<html>Not found</html>") }, "not a safetensors file"},
		{"foreign weights", raw(map[string]string{"format": "pt"}), "not a checkpoint of a training run"},
		{"no metadata", raw(nil), "not a checkpoint of a training run"},
		{"odd metadata", sealed(map[string]string{"version": "2", "step": "9x", "identity": "[]", "history": "{"}), "metadata of the checkpoint"},
		{"another step's name", rewrite(func(c *checkpoint) { c.step, c.history.Steps = 8, c.history.Steps[:8] }), "the file name does not match its step 8"},
		{"a history of another shape", sealed(map[string]string{"version": "2", "step": "1", "identity": "{}", "history": `{}`},
			safetensors.Tensor{Name: stepsTensor, DType: "F32", Shape: []int{1, 1}, Data: make([]byte, 4)}), "history/steps is F32[1 1], want F32[rows 4]"},
		{"history too short", rewrite(func(c *checkpoint) { c.history.Steps = c.history.Steps[:3] }), "is of step 9, its history has 3 steps"},
		{"step 0", rewrite(func(c *checkpoint) { c.step, c.history = 0, History{} }), "is of step 0"},
		{"odd dtype", sealed(map[string]string{"version": "2", "step": "1", "identity": "{}", "history": `{}`},
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
			require.Contains(t, out.String(), "(ignoring an unusable checkpoint: ")
			require.Contains(t, out.String(), test.want)
			require.Contains(t, out.String(), newest)
			require.Contains(t, out.String(), "(resuming at step 8 of 15)")
			badinput.Log(t, "checkpoint", strings.Split(out.String(), "\n")[0])
			requireSame(t, want, lastCheckpoint(t, r))
			require.FileExists(t, newest+".damaged")
		})
	}
}

// A checkpoint that cannot be read may be whole: it is left alone, and so is the run.
func TestUnreadableCheckpoint(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	t.Parallel()
	dir, _, newest := stopped(t)
	require.NoError(t, os.Remove(newest))
	require.NoError(t, os.Symlink(newest, newest)) // to itself
	r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, syscall.ELOOP)
	require.ErrorContains(t, err, newest)
	require.NotContains(t, out.String(), "ignoring")
	require.NoFileExists(t, newest+".damaged")
}

// tensorAt is where a tensor's data begin in a file.
func tensorAt(file []byte, name string) int {
	f, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		panic(err)
	}
	e, _ := f.Entry(name)
	return 8 + int(binary.LittleEndian.Uint64(file)) + int(e.Offsets[0])
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
	require.ErrorContains(t, err, "none of the 2 checkpoints in "+dir+" is usable: delete them to start over")
	require.Equal(t, 2, strings.Count(out.String(), "ignoring"))
	require.FileExists(t, newest, "it stays: the cause may be outside of it")
	require.Empty(t, r.History.Steps)
}

// A restore that fails has changed nothing.
func TestRestoreIsWhole(t *testing.T) {
	t.Parallel()
	_, _, newest := stopped(t)
	c, err := readCheckpoint(newest, true)
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

// A checkpoint must have all that training uses: an optimizer that finds no moments would silently start them at zero.
func TestOptimizerStateMissing(t *testing.T) {
	t.Parallel()
	dir, older, newest := stopped(t)
	require.NoError(t, os.Remove(older))
	c, err := readCheckpoint(newest, true)
	require.NoError(t, err)
	c.tensors = slices.DeleteFunc(c.tensors, func(t safetensors.Tensor) bool { return strings.HasSuffix(t.Name, "2nd_moment") })
	require.NoError(t, atomicfile.Write(newest, c.write))
	r, _ := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	err = r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorContains(t, err, "2nd_moment, which the checkpoint does not have")
}

// A checkpoint of another version is refused, and neither passed over nor set aside.
func TestOtherVersion(t *testing.T) {
	t.Parallel()
	unknown := safetensors.Tensor{Name: "history/gradients", DType: "F32", Shape: []int{1}, Data: make([]byte, 4)}
	for _, test := range []struct {
		name   string
		change func(metadata map[string]string)
		want   string
		extra  []safetensors.Tensor
	}{
		{"a later format", func(m map[string]string) { m["version"] = "3" }, `checkpoint of version "3", want 2`, nil},
		{"a field of the identity that is not known", func(m map[string]string) {
			m["identity"] = strings.Replace(m["identity"], `{`, `{"temperature":2,`, 1)
		}, `unknown field "temperature"`, nil},
		{"a field of the recipe that is not known", func(m map[string]string) {
			m["identity"] = strings.Replace(m["identity"], `{`, `{"recipe":{"mixup":2},`, 1)
		}, `unknown field "mixup"`, nil},
		{"a second identity", func(m map[string]string) { m["identity"] += `{"temperature":2}` }, "trailing data after the JSON value", nil},
		{"a field of the history that is not known", func(m map[string]string) {
			m["history"] = strings.Replace(m["history"], `{`, `{"gradients":[],`, 1)
		}, `unknown field "gradients"`, nil},
		{"a key that is not known", func(m map[string]string) { m["sampler"] = "weighted" }, `unknown metadata key "sampler"`, nil},
		{"a tensor that is not known", func(map[string]string) {}, `unknown tensor "history/gradients"`, []safetensors.Tensor{unknown}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, _, newest := stopped(t)
			f, err := safetensors.Open(newest)
			require.NoError(t, err)
			defer f.Close()
			var ts []safetensors.Tensor
			for _, name := range f.Names() {
				tensor, err := f.Tensor(name)
				require.NoError(t, err)
				ts = append(ts, tensor)
			}
			test.change(f.Metadata)
			ts = append(ts, test.extra...)
			f.Metadata[digestKey] = digest(f.Metadata, ts)
			require.NoError(t, atomicfile.Write(newest, func(w io.Writer) error { return safetensors.Write(w, ts, f.Metadata) }))
			before, err := os.ReadFile(newest)
			require.NoError(t, err)

			r, _ := newToy(t, goBackend(t), toy{}, dir, toyConfig)
			for _, err := range []error{r.Train(context.Background(), toyTrain(), toyDev()), r.LoadHistory()} {
				require.ErrorIs(t, err, ErrVersion)
				require.ErrorContains(t, err, newest)
				require.ErrorContains(t, err, test.want)
			}
			after, err := os.ReadFile(newest)
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

// The names and keys in the files of a run.
func TestFormat(t *testing.T) {
	t.Parallel()
	dir, _, newest := stopped(t)
	f, err := safetensors.Open(newest)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []string{"/norm/running_mean", "/fc/weight", "/fc/bias", "/optimizers/learning_rate", "/global_step", "/AdamOptimizer/step",
		"/AdamOptimizer/fc/weight_1st_moment", "/AdamOptimizer/fc/weight_2nd_moment", "/AdamOptimizer/fc/bias_1st_moment", "/AdamOptimizer/fc/bias_2nd_moment",
		"history/steps", "history/evals", "history/log"}, f.Names())
	require.Equal(t, "9", f.Metadata["step"])
	require.Equal(t, "2", f.Metadata["version"])
	require.Regexp(t, `^[0-9a-f]{64}$`, f.Metadata["nndl.sha256"])
	require.Regexp(t, `^{"best":0\.\d+,"seconds":[0-9.]+,"device":"pure Go.*","data":"made for this test"}$`, f.Metadata["history"])
	steps, _ := f.Entry("history/steps")
	require.Equal(t, []int{9, 4}, steps.Shape)
	require.JSONEq(t, `{"model": "toy with 10 classes", "batch_size": 10, "learning_rate": 0.1, "weight_decay": 0.005, "seed": 100, "images": 46,
		"data": "`+toyTrain().Fingerprint()+`", "dev": "`+toyDev().Fingerprint()+`"}`, f.Metadata["identity"])
	best, err := safetensors.Open(dir + "/best.safetensors")
	require.NoError(t, err)
	defer best.Close()
	require.Equal(t, map[string]string{"format": "pt", "model": "toy with 10 classes", "step": "5", "run": runDigest(f.Metadata["identity"]),
		"nndl.sha256": f.Metadata["best"]}, best.Metadata)
	step, err := f.Tensor("/global_step")
	require.NoError(t, err)
	require.Equal(t, []byte{9, 0, 0, 0, 0, 0, 0, 0}, step.Data)
}

// A checkpoint of another run is refused, and the error says what differs.
func TestOtherRun(t *testing.T) {
	t.Parallel()
	dir, _, _ := stopped(t)
	for _, test := range []struct {
		name   string
		model  toy
		config func(*Config)
		train  *cifar.Dataset
		dev    *cifar.Dataset
		want   string
	}{
		{name: "classes", model: toy{classes: 12}, want: "(model: got toy with 10 classes, want toy with 12 classes)"},
		{name: "learning rate", config: func(c *Config) { c.LearningRate = 0.5 }, want: "(learning rate: got 0.1, want 0.5)"},
		{name: "batch size and seed", config: func(c *Config) { c.BatchSize, c.Seed = 7, 7 }, want: "(batch size: got 10, want 7; seed: got 100, want 7)"},
		{name: "weight decay", config: func(c *Config) { c.WeightDecay = -1 }, want: "(weight decay: got 0.005, want -1)"},
		{name: "data", train: toyTrain().Take(40), want: "(training images: got 46, want 40; training data: got " + toyTrain().Fingerprint() + ", want "},
		{name: "dev data", dev: toyDev().Take(10), want: "(dev data: got " + toyDev().Fingerprint() + ", want "},
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
			require.ErrorIs(t, err, ErrOtherRun)
			require.ErrorContains(t, err, "runner: "+dir+" belongs to a different run (")
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "; delete it to start over")
		})
	}
}

// The history can be read without the weights, and without the same model.
func TestLoadHistory(t *testing.T) {
	t.Parallel()
	dir, _, newest := stopped(t)
	c, err := readCheckpoint(newest, true)
	require.NoError(t, err)
	r, out := newToy(t, goBackend(t), toy{}, dir, Config{})
	require.NoError(t, r.LoadHistory())
	require.Equal(t, c.history, r.History)

	require.NoError(t, os.Truncate(newest, 100))
	require.NoError(t, r.LoadHistory(), "from the one before it")
	require.Len(t, r.History.Steps, 8)
	require.Contains(t, out.String(), "(ignoring an unusable checkpoint: "+newest)

	r, _ = newToy(t, goBackend(t), toy{}, t.TempDir(), Config{})
	require.ErrorContains(t, r.LoadHistory(), "no run has been saved in "+r.Dir())
}

// A history of a million steps, each with its line in the log, is saved and loaded.
func TestLongHistory(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	h := History{Steps: make([]Step, n), Log: make([]string, n), Best: 0.9}
	for i := range h.Steps {
		h.Steps[i] = Step{Loss: float32(i), Accuracy: 0.5, LearningRate: 0.001, Seconds: 0.25}
		h.Log[i] = "[Train] a line of about the usual length, which is sixty"
	}
	for i := range n / 100 {
		h.Evals = append(h.Evals, Eval{Step: i, Score: 0.1 + float64(i)/n, Loss: 1.0 / 3})
	}
	path := t.TempDir() + "/checkpoint-01000000.safetensors"
	c := &checkpoint{step: n, history: h}
	require.NoError(t, atomicfile.Write(path, c.write))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(75<<20), "16 bytes a step, and the log")
	got, err := readCheckpoint(path, true)
	require.NoError(t, err)
	require.True(t, slices.Equal(h.Steps, got.history.Steps))
	require.True(t, slices.Equal(h.Evals, got.history.Evals))
	require.True(t, slices.Equal(h.Log, got.history.Log))
	require.Equal(t, 0.9, got.history.Best)
}

func TestLoadModelErrors(t *testing.T) {
	t.Parallel()
	dir, _, newest := stopped(t)
	r, _ := newToy(t, goBackend(t), toy{classes: 3}, t.TempDir(), toyConfig)
	require.ErrorIs(t, r.LoadBest(), os.ErrNotExist)
	require.ErrorContains(t, r.LoadModel(newest), "no tensor")
	err := r.LoadModel(dir + "/best.safetensors")
	require.ErrorIs(t, err, ErrOutputs)
	require.ErrorContains(t, err, "different number of outputs")
	require.ErrorContains(t, err, dir)
	require.ErrorIs(t, r.SaveModel(dir+"/nowhere/m.safetensors"), os.ErrNotExist)
}

// FuzzCheckpoint: metadata and tensors of any kind give an error or a state that fits, never a panic. Their file gets its digest
// here, which would refuse every mutation. package safetensors fuzzes the file format.
func FuzzCheckpoint(f *testing.F) {
	var good bytes.Buffer
	c := &checkpoint{step: 1, id: identity{Model: "toy"}, history: History{Steps: make([]Step, 1), Evals: make([]Eval, 1), Log: []string{"a"}}}
	for _, p := range (toy{}).Params() {
		c.tensors = append(c.tensors, safetensors.Tensor{Name: p.Path(), DType: "F32", Shape: p.Dims, Data: make([]byte, 4*p.Size())})
	}
	require.NoError(f, c.write(&good))
	file, err := safetensors.Read(bytes.NewReader(good.Bytes()), int64(good.Len()))
	require.NoError(f, err)
	meta := file.Metadata
	size := 8 + int(binary.LittleEndian.Uint64(good.Bytes()))
	var header map[string]json.RawMessage
	require.NoError(f, json.Unmarshal(good.Bytes()[8:size], &header))
	delete(header, "__metadata__")
	text, err := json.Marshal(header)
	require.NoError(f, err)
	tensors := "," + strings.TrimPrefix(string(text), "{")
	add := func(version, tensors string) {
		f.Add(version, meta["step"], meta["identity"], meta["history"], meta["best"], tensors, good.Bytes()[size:])
	}
	add(version2, tensors)
	add("3", tensors)
	add(version2, strings.Replace(tensors, "F32", "I32", 1))
	f.Add(version1, "1", meta["identity"], `{"steps":[{"l":2.3,"a":0.1,"r":0.001}],"evals":[{"step":1,"score":0.1,"loss":2.3}],"best":0.1}`, "",
		"}", []byte{})

	f.Fuzz(func(t *testing.T, version, step, id, history, best, tensors string, data []byte) {
		metadata, err := json.Marshal(map[string]string{versionKey: version, "step": step, "identity": id, "history": history, "best": best})
		require.NoError(t, err)
		header := `{"__metadata__":` + string(metadata) + tensors
		b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
		b = append(append(b, header...), data...)
		file, err := safetensors.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		if _, err := parseCheckpoint(file, true); err == nil {
			t.Fatal("a checkpoint without a digest was read")
		}
		if file.Metadata[versionKey] == version1 {
			h := newHasher(file.Metadata, []string{"step", "identity", "history"})
			for _, name := range file.Names() {
				tensor, err := file.Tensor(name)
				require.NoError(t, err)
				h.add(tensor)
			}
			file.Metadata[digestKeyOfV1] = h.String()
		} else {
			file.Metadata[digestKey], err = fileDigest(file)
			require.NoError(t, err)
		}
		c, err := parseCheckpoint(file, true)
		if err != nil {
			require.NotErrorIs(t, err, errDigest)
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
