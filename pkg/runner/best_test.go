package runner

import (
	"bytes"
	"context"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/safetensors"
)

// A best model that is not what the run wrote is reported by training and refused by LoadBest.
func TestDamagedBest(t *testing.T) {
	t.Parallel()
	b := goBackend(t)
	other := toyConfig
	other.Seed = 7
	otherDir := t.TempDir()
	trainToy(t, b, otherDir, other)
	foreign := func(t *testing.T, file []byte) []byte { // as PyTorch would write it
		f, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
		require.NoError(t, err)
		var ts []safetensors.Tensor
		for _, name := range f.Names() {
			tensor, err := f.Tensor(name)
			require.NoError(t, err)
			ts = append(ts, tensor)
		}
		var out bytes.Buffer
		require.NoError(t, safetensors.Write(&out, ts, map[string]string{"format": "pt"}))
		return out.Bytes()
	}
	for _, test := range []struct {
		name   string
		damage func(*testing.T, []byte) []byte
		is     error
		want   string
	}{
		{"empty", func(*testing.T, []byte) []byte { return nil }, ErrCorrupt, "0 bytes, want at least 8"},
		{"cut short", func(_ *testing.T, b []byte) []byte { return b[:len(b)-1] }, ErrCorrupt, "truncated"},
		{"a flipped weight", flip(func(b []byte) int { return len(b) - 1 }), ErrCorrupt, "does not match its SHA-256"},
		{"a flipped letter of the model's name", flip(func(b []byte) int { return bytes.Index(b, []byte("toy")) }), ErrCorrupt, "does not match its SHA-256"},
		{"a flipped digest", flip(func(b []byte) int { return bytes.Index(b, []byte(digestKey)) + 14 }), ErrCorrupt, "does not match its SHA-256"},
		{"no digest", foreign, ErrCorrupt, "no digest"},
		{"another run's", func(t *testing.T, _ []byte) []byte {
			file, err := os.ReadFile(otherDir + "/best.safetensors")
			require.NoError(t, err)
			return file
		}, ErrOtherRun, "belongs to a different run"},
		{"missing", nil, fs.ErrNotExist, "no such file or directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir, _, _ := stopped(t)
			path := dir + "/best.safetensors"
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			if test.damage == nil {
				require.NoError(t, os.Remove(path))
			} else {
				file = test.damage(t, file)
				require.NoError(t, os.WriteFile(path, file, 0o644))
			}

			r, out := newToy(t, b, toy{}, dir, toyConfig)
			require.ErrorIs(t, r.LoadBest(), test.is)

			// Training says so, keeps the next model that it evaluates, and leaves the file aside.
			require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
			require.Contains(t, out.String(), "(the best model, with accuracy 0.")
			require.Contains(t, out.String(), path+": ")
			require.Contains(t, out.String(), test.want)
			require.Contains(t, out.String(), "; the next model that is evaluated takes its place)")
			require.NoError(t, r.LoadBest())
			score, _, err := r.Evaluate(context.Background(), toyDev())
			require.NoError(t, err)
			require.Equal(t, r.History.Best, score)
			if test.damage != nil {
				aside, err := os.ReadFile(path + ".damaged")
				require.NoError(t, err)
				require.Equal(t, len(file), len(aside))
			}
		})
	}
}

// The best model of a complete run that is damaged cannot be replaced, but both commands say so.
func TestDamagedBestOfACompleteRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trainToy(t, goBackend(t), dir, toyConfig)
	require.NoError(t, os.Truncate(dir+"/best.safetensors", 100))
	r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "; delete "+dir+" to start over)")
	require.ErrorIs(t, r.LoadBest(), ErrCorrupt)
	require.FileExists(t, dir+"/best.safetensors")
}

// A model without a run, such as one that the first version's import took, is not overwritten by training.
func TestBestWithoutCheckpoints(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	path := dir + "/best.safetensors"
	old, err := os.ReadFile("testdata/run-before-digests/best.safetensors")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, old, 0o644))
	r, _ := newToy(t, b, toy{}, dir, toyConfig)
	require.ErrorIs(t, r.LoadBest(), ErrCorrupt)
	err = r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, ErrOtherRun)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, "move it away, or import it to start from it")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, old, after)

	// One that this run wrote before it died is its own.
	require.NoError(t, os.Remove(path))
	want := trainToy(t, b, dir, toyConfig)
	paths, err := r.checkpoints()
	require.NoError(t, err)
	for _, p := range paths {
		require.NoError(t, os.Remove(p))
	}
	require.NoError(t, r.LoadBest())
	requireSame(t, want, trainToy(t, b, dir, toyConfig))
}

// A former best model of the same run is not its best model.
func TestStaleBest(t *testing.T) {
	t.Parallel()
	dir, _, _ := stopped(t)
	early, err := os.ReadFile(dir + "/best.safetensors")
	require.NoError(t, err)
	trainToy(t, goBackend(t), dir, toyConfig)
	late, err := os.ReadFile(dir + "/best.safetensors")
	require.NoError(t, err)
	require.NotEqual(t, early, late, "this test needs a run that gets better")
	require.NoError(t, os.WriteFile(dir+"/best.safetensors", early, 0o644))
	r, _ := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	err = r.LoadBest()
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, "it is the model after step 5, which is not the best")
}

// A file from elsewhere loads if it is named, and one of ours is checked there too.
func TestLoadModel(t *testing.T) {
	t.Parallel()
	dir, path := t.TempDir(), filepath.Join(t.TempDir(), "model.safetensors")
	trainToy(t, goBackend(t), dir, toyConfig)
	r, _ := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	require.NoError(t, r.LoadBest())
	require.NoError(t, r.SaveModel(path))
	require.NoError(t, r.LoadModel(path))
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	file[len(file)-1] ^= 1
	require.NoError(t, os.WriteFile(path, file, 0o644))
	require.ErrorIs(t, r.LoadModel(path), ErrCorrupt)
	file = bytes.Replace(file, []byte(digestKey), []byte("some-sha256"), 1)
	require.NoError(t, os.WriteFile(path, file, 0o644))
	require.NoError(t, r.LoadModel(path), "a file without our digest is somebody else's")
}

// testdata/run-before-digests is a run that commit 610b133 wrote, with toyConfig and SaveEvery 1 ns, stopped after step 10.
func copyOldRun(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/run-before-digests")))
	return dir
}

// A run of a version without digests resumes, and its files get digests.
func TestRunOfVersion1(t *testing.T) {
	t.Parallel()
	dir := copyOldRun(t)
	r, out := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	require.NoError(t, r.LoadHistory())
	require.Len(t, r.History.Steps, 11)
	require.Len(t, r.History.Evals, 2)
	require.NoError(t, r.LoadBest())
	require.Contains(t, out.String(), "was written by a version without digests: it cannot be checked)")
	score, _, err := r.Evaluate(context.Background(), toyDev())
	require.NoError(t, err)
	require.Equal(t, r.History.Best, score)

	old := r.History
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "(resuming at step 11 of 15)")
	require.Equal(t, old.Steps, r.History.Steps[:11])
	require.Equal(t, old.Evals, r.History.Evals[:2])
	want := trainToy(t, goBackend(t), t.TempDir(), toyConfig)
	for i, s := range r.History.Steps { // another processor may round otherwise
		require.InDelta(t, want.history.Steps[i].Loss, s.Loss, 1e-4)
	}
	require.NoError(t, r.LoadBest())
	require.Equal(t, version2, lastCheckpoint(t, r).version)
	file, err := safetensors.Open(r.BestPath())
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, checkDigest(file))
}

// Its best model is the run's until training finds a better one: that file gets its digest too.
func TestBestOfVersion1(t *testing.T) {
	t.Parallel()
	dir := copyOldRun(t)
	c := eager()
	r, out := newToy(t, goBackend(t), toy{}, dir, c)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out.on("step: 11/", cancel)
	require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
	require.NoError(t, r.LoadBest())
	require.NotContains(t, out.String(), "cannot be checked")

	dir = copyOldRun(t)
	require.NoError(t, os.Truncate(dir+"/best.safetensors", 100))
	r, out = newToy(t, goBackend(t), toy{}, dir, toyConfig)
	require.ErrorIs(t, r.LoadBest(), ErrCorrupt)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.Contains(t, out.String(), "; the next model")
}

// A best model that is missing for one session is still the run's when it is back.
func TestBestIsBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := toyConfig
	c.SaveEvery = time.Nanosecond
	session := func(until string) string {
		r, out := newToy(t, goBackend(t), toy{}, dir, c)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		out.on(until, cancel)
		require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
		return out.String()
	}
	best := filepath.Join(dir, "best.safetensors")
	session("step: 9/") // after the evaluation of step 8
	require.NoError(t, os.Rename(best, best+".away"))
	require.Contains(t, session("step: 10/"), "is lost")
	require.NoError(t, os.Rename(best+".away", best))
	r, _ := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	require.NoError(t, r.LoadBest())
}

// What the very first version wrote has no digest at all. It is not used.
func TestCheckpointWithoutDigest(t *testing.T) {
	t.Parallel()
	dir := copyOldRun(t)
	for _, name := range []string{"/checkpoint-00000010.safetensors", "/checkpoint-00000011.safetensors"} {
		file, err := os.ReadFile(dir + name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(dir+name, bytes.Replace(file, []byte(`"sha256"`), []byte(`"sha255"`), 1), 0o644))
	}
	r, _ := newToy(t, goBackend(t), toy{}, dir, toyConfig)
	err := r.Train(context.Background(), toyTrain(), toyDev())
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, "no digest")
}

// Weights that are not finite give no score and no prediction.
func TestNotFinite(t *testing.T) {
	t.Parallel()
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		r, _ := newToy(t, goBackend(t), toy{}, t.TempDir(), toyConfig)
		values := make([]float32, cifar.NumClasses)
		values[3] = float32(bad)
		require.NoError(t, r.store.GetVariable("/fc/bias").SetValue(tensors.FromFlatDataAndDimensions(values, len(values))))
		_, _, err := r.Evaluate(context.Background(), toyDev())
		require.ErrorIs(t, err, ErrNotFinite)
		require.ErrorContains(t, err, "the loss on dev is")
		_, err = r.Predict(toyDev().Pixels)
		require.ErrorIs(t, err, ErrNotFinite)
		require.ErrorContains(t, err, "the logit of class 3 is")
	}
}

// Only names that a run writes are its own: copies and notes of the user's are neither read nor deleted.
func TestUsersFilesStay(t *testing.T) {
	t.Parallel()
	dir, older, newest := stopped(t)
	file, err := os.ReadFile(older)
	require.NoError(t, err)
	names := []string{
		"checkpoint-00000001 (copy).safetensors", "checkpoint-00000008 (copy).safetensors", "checkpoint-old.safetensors", "checkpoint-99.safetensors",
		"checkpoint-99999999.safetensors.bak", "Checkpoint-99999999.safetensors", "checkpoint-+0000099.safetensors", "checkpoint-000000099.safetensors",
		".checkpoint-notes", ".best.safetensors-mine", ".checkpoint-00000001.safetensors", "best (copy).safetensors",
	}
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), file, 0o644))
	}
	r, out := newToy(t, goBackend(t), toy{}, dir, eager())
	paths, err := r.checkpoints()
	require.NoError(t, err)
	require.Equal(t, []string{older, newest}, paths)
	require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
	require.True(t, strings.Contains(out.String(), "(resuming at step 9 of 15)"), out.String())
	for _, name := range names {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, file, got, name)
	}
	paths, err = r.checkpoints()
	require.NoError(t, err)
	require.Len(t, paths, keepCheckpoints)
	require.Equal(t, "checkpoint-123456789.safetensors", checkpointName(123456789))
}
