package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/safetensors"
)

// keepCheckpoints is how many checkpoints stay: if the newest is damaged, the one before it serves.
const keepCheckpoints = 2

// identity is what must agree for a run to go on from a checkpoint. The number of epochs and the
// evaluation steps may change.
type identity struct {
	Model        string  `json:"model"`
	BatchSize    int     `json:"batch_size"`
	LearningRate float64 `json:"learning_rate"`
	WeightDecay  float64 `json:"weight_decay"`
	Seed         uint64  `json:"seed"`
	Data         string  `json:"data"` // the training split's fingerprint
}

func (r *Runner) identity(d *cifar.Dataset) identity {
	c := r.Config
	return identity{r.model.String(), c.BatchSize, c.LearningRate, c.WeightDecay, c.Seed, d.Fingerprint()}
}

// differs says in words what another identity has changed; "" if nothing.
func (a identity) differs(b identity) string {
	var out []string
	note := func(what string, x, y any) {
		if x != y {
			out = append(out, fmt.Sprintf("%s %v there, %v now", what, x, y))
		}
	}
	note("model", a.Model, b.Model)
	note("batch size", a.BatchSize, b.BatchSize)
	note("learning rate", a.LearningRate, b.LearningRate)
	note("weight decay", a.WeightDecay, b.WeightDecay)
	note("seed", a.Seed, b.Seed)
	note("training data", a.Data, b.Data)
	return strings.Join(out, ", ")
}

// save writes a checkpoint of the state after so many steps: every variable of the store (weights, running
// statistics, the optimizer's moments and counters), the history and the identity. The order of the data
// follows from the seed and the step. The file is written aside, synced and renamed.
func (r *Runner) save(step int, id identity) error {
	var ts []safetensors.Tensor
	for v := range r.store.IterVariables() {
		if strings.HasPrefix(v.Path(), "/metrics/") {
			continue // GoMLX's moving averages for display
		}
		t, err := v.Value()
		if err != nil {
			return fmt.Errorf("runner: variable %s: %w", v.Path(), err)
		}
		dtype, ok := dtypeNames[t.DType()]
		if !ok {
			return fmt.Errorf("runner: variable %s: no name for dtype %s in a checkpoint", v.Path(), t.DType())
		}
		out := safetensors.Tensor{Name: v.Path(), DType: dtype, Shape: t.Shape().Dimensions}
		if err := t.ConstBytes(func(b []byte) { out.Data = slices.Clone(b) }); err != nil {
			return fmt.Errorf("runner: variable %s: %w", v.Path(), err)
		}
		ts = append(ts, out)
	}
	history, err1 := json.Marshal(r.History)
	who, err2 := json.Marshal(id)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("runner: checkpoint: %w", err)
	}
	metadata := map[string]string{"step": fmt.Sprint(step), "identity": string(who), "history": string(history)}
	path := filepath.Join(r.dir, fmt.Sprintf("checkpoint-%08d.safetensors", step))
	err := writeAtomically(path, func(w io.Writer) error { return safetensors.Write(w, ts, metadata) })
	if err != nil {
		return err
	}
	return r.removeOld()
}

func (r *Runner) removeOld() error {
	paths := r.checkpoints()
	var err error
	for len(paths) > keepCheckpoints {
		err = errors.Join(err, os.Remove(paths[0]))
		paths = paths[1:]
	}
	return err
}

// checkpoints lists the run's checkpoints, the oldest first.
func (r *Runner) checkpoints() []string {
	paths, _ := filepath.Glob(filepath.Join(r.dir, "checkpoint-*.safetensors"))
	slices.Sort(paths)
	return paths
}

// resume loads the newest readable checkpoint and returns its step, 0 if there is none. A damaged one is
// named on r.Out and passed over; one of another run is an error.
func (r *Runner) resume(id identity) (step int, err error) {
	paths := r.checkpoints()
	for _, path := range slices.Backward(paths) {
		step, damaged, err := r.load(path, id)
		if err == nil {
			return step, nil
		}
		if !damaged {
			return 0, err
		}
		fmt.Fprintf(r.Out, "[Train] %s is damaged and passed over: %v\n", path, err)
	}
	if len(paths) > 0 {
		return 0, fmt.Errorf("runner: none of the %d checkpoints in %s can be read; delete them to train from the start", len(paths), r.dir)
	}
	return 0, nil
}

func (r *Runner) load(path string, id identity) (step int, damaged bool, err error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return 0, true, err
	}
	defer f.Close()
	var was identity
	var history History
	err = errors.Join(json.Unmarshal([]byte(f.Metadata["identity"]), &was), json.Unmarshal([]byte(f.Metadata["history"]), &history))
	if _, e := fmt.Sscan(f.Metadata["step"], &step); err != nil || e != nil || step != len(history.Steps) {
		return 0, true, fmt.Errorf("runner: %s is not a checkpoint of a training run: %w", path, errors.Join(err, e))
	}
	if d := was.differs(id); d != "" {
		return 0, false, fmt.Errorf("runner: %s was made by another run (%s): choose another folder, or delete this one to train anew", path, d)
	}
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return 0, true, err
		}
		if err := r.setVariable(t); err != nil {
			return 0, true, fmt.Errorf("%s: %w", path, err)
		}
	}
	r.History = history
	return step, false, nil
}

// setVariable puts a tensor of a checkpoint into the store, where the optimizer's variables do not exist
// before the first step.
func (r *Runner) setVariable(t safetensors.Tensor) error {
	var dtype dtypes.DType
	for d, name := range dtypeNames {
		if name == t.DType {
			dtype = d
		}
	}
	value := tensors.FromShape(shapes.Make(dtype, t.Shape...))
	if err := value.MutableBytes(func(b []byte) { copy(b, t.Data) }); err != nil {
		return fmt.Errorf("variable %s: %w", t.Name, err)
	}
	if v := r.store.GetVariable(t.Name); v != nil {
		if !v.Shape().Equal(value.Shape()) {
			return fmt.Errorf("variable %s has shape %s, want %s", t.Name, value.Shape(), v.Shape())
		}
		return v.SetValue(value)
	}
	v, err := r.store.CreateVariable(t.Name, value)
	if err != nil {
		return err
	}
	v.SetTrainable(false)
	return nil
}

var dtypeNames = map[dtypes.DType]string{dtypes.Float32: "F32", dtypes.Int64: "I64", dtypes.Int32: "I32", dtypes.Uint64: "U64"}

// writeAtomically leaves either the whole new file or what was there before.
func writeAtomically(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("runner: writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("runner: writing %s: %w", path, err)
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close(), os.Rename(f.Name(), path)); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path)) // the rename itself must survive a power cut
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
