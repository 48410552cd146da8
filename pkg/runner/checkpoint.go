package runner

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/metric"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/safetensors"
)

// identity is what must agree for a run to go on from a checkpoint. The number of epochs and the
// steps between log lines and evaluations may change; but with a schedule or lookahead what a step does depends on the number
// of epochs, which then is part of the identity.
type identity struct {
	Model        string  `json:"model"`
	BatchSize    int     `json:"batch_size"`
	LearningRate float64 `json:"learning_rate"`
	WeightDecay  float64 `json:"weight_decay"`
	Seed         uint64  `json:"seed"`
	Data         string  `json:"data"`          // the training split's fingerprint
	Dev          string  `json:"dev,omitempty"` // the dev split's; the first checkpoints have none
	Recipe       Recipe  `json:"recipe,omitzero"`
	Epochs       int     `json:"epochs,omitempty"` // 0 without a schedule or lookahead
}

func (r *Runner) identity(trainData, dev *cifar.Dataset) identity {
	c := r.Config
	id := identity{r.model.String(), c.BatchSize, c.LearningRate, c.WeightDecay, c.Seed, trainData.Fingerprint(), dev.Fingerprint(), c.Recipe, 0}
	if c.Recipe.Schedule.Kind != "" || c.Recipe.Lookahead > 0 {
		id.Epochs = c.Epochs
	}
	return id
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
	note("recipe", a.Recipe, b.Recipe)
	note("epochs of the schedule", a.Epochs, b.Epochs)
	note("training data", a.Data, b.Data)
	if a.Dev != "" {
		note("dev data", a.Dev, b.Dev)
	}
	return strings.Join(out, ", ")
}

// checkpoint is the content of a checkpoint's file: the state after so many steps. The order of the data
// is not in it, because it follows from the seed and the step.
type checkpoint struct {
	step    int
	id      identity
	history History
	tensors []safetensors.Tensor // every variable of the store: weights, running statistics, the optimizer's …
}

var dtypeNames = map[dtypes.DType]string{dtypes.Float32: "F32", dtypes.Int64: "I64", dtypes.Int32: "I32", dtypes.Uint64: "U64"}

func dtypeOf(name string) (dtypes.DType, bool) {
	for d, n := range dtypeNames {
		if n == name {
			return d, true
		}
	}
	return dtypes.InvalidDType, false
}

// state lists the variables that a checkpoint holds: all but GoMLX's moving averages for display, whose names
// change from run to run.
func (r *Runner) state() []*model.Variable {
	var vars []*model.Variable
	for v := range r.store.IterVariables() {
		if !strings.HasPrefix(v.Path(), "/"+metric.Scope+"/") {
			vars = append(vars, v)
		}
	}
	return vars
}

// withTensors hands the values of variables to use, as they lie in memory: a copy of ResNet-18's state, with
// the optimizer's two moments for each weight, would take 140 MB.
func withTensors(vars []*model.Variable, ts []safetensors.Tensor, use func([]safetensors.Tensor) error) error {
	if len(vars) == 0 {
		return use(ts)
	}
	v := vars[0]
	value, err := v.Value()
	if err != nil {
		return fmt.Errorf("runner: variable %s: %w", v.Path(), err)
	}
	dtype, ok := dtypeNames[value.DType()]
	if !ok {
		return fmt.Errorf("runner: variable %s: no name for dtype %s in a checkpoint", v.Path(), value.DType())
	}
	var used error
	err = value.ConstBytes(func(b []byte) {
		t := safetensors.Tensor{Name: v.Path(), DType: dtype, Shape: value.Shape().Dimensions, Data: b}
		used = withTensors(vars[1:], append(ts, t), use)
	})
	if err != nil {
		return fmt.Errorf("runner: variable %s: %w", v.Path(), err)
	}
	return used
}

// write writes the checkpoint's file.
func (c *checkpoint) write(w io.Writer) error {
	history, err1 := json.Marshal(c.history)
	who, err2 := json.Marshal(c.id)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	metadata := map[string]string{"step": strconv.Itoa(c.step), "identity": string(who), "history": string(history)}
	metadata["sha256"] = digest(metadata, c.tensors)
	return safetensors.Write(w, c.tensors, metadata)
}

// isFinite says whether a float tensor is free of NaN and infinities: those have all bits of the exponent set.
func isFinite(t safetensors.Tensor) bool {
	const exponent = 0x7f800000
	if t.DType == "F32" {
		for b := t.Data; len(b) >= 4; b = b[4:] {
			if binary.LittleEndian.Uint32(b)&exponent == exponent {
				return false
			}
		}
	}
	return true
}

// digest is a SHA-256 over all that a checkpoint holds, so that a flipped bit in a weight is noticed.
func digest(metadata map[string]string, ts []safetensors.Tensor) string {
	h := sha256.New()
	for _, key := range []string{"step", "identity", "history"} {
		fmt.Fprintf(h, "%s %q\n", key, metadata[key])
	}
	for _, t := range ts {
		fmt.Fprintf(h, "%q %s %v\n", t.Name, t.DType, t.Shape)
		h.Write(t.Data)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readCheckpoint reads a file and checks all that can be checked without knowing the run.
func readCheckpoint(path string) (*checkpoint, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := parseCheckpoint(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parseCheckpoint(f *safetensors.File) (*checkpoint, error) {
	for _, key := range []string{"step", "identity", "history"} {
		if f.Metadata[key] == "" {
			return nil, fmt.Errorf("not a checkpoint of a training run: there is no %q in the metadata", key)
		}
	}
	c := &checkpoint{}
	var err1 error
	c.step, err1 = strconv.Atoi(f.Metadata["step"])
	err2 := json.Unmarshal([]byte(f.Metadata["identity"]), &c.id)
	err3 := json.Unmarshal([]byte(f.Metadata["history"]), &c.history)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("metadata of the checkpoint: %w", err)
	}
	if c.step < 1 || c.step != len(c.history.Steps) {
		return nil, fmt.Errorf("the checkpoint is of step %d, its history has %d steps", c.step, len(c.history.Steps))
	}
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		if _, ok := dtypeOf(t.DType); !ok {
			return nil, fmt.Errorf("tensor %q has dtype %s, which no checkpoint holds", name, t.DType)
		}
		c.tensors = append(c.tensors, t)
	}
	if want := f.Metadata["sha256"]; want != "" && want != digest(f.Metadata, c.tensors) { // the first checkpoints have none
		return nil, errors.New("the content does not match its SHA-256: it was damaged after it was written")
	}
	return c, nil
}

// restore puts a checkpoint's state into the store. It checks everything before it changes anything.
func (r *Runner) restore(c *checkpoint) error {
	byName := map[string]safetensors.Tensor{}
	for _, t := range c.tensors {
		byName[t.Name] = t
	}
	for _, v := range r.state() {
		t, ok := byName[v.Path()]
		switch {
		case !ok:
			return fmt.Errorf("the checkpoint has no variable %s", v.Path())
		case t.DType != dtypeNames[v.DType()] || !slices.Equal(t.Shape, v.Shape().Dimensions):
			return fmt.Errorf("the checkpoint's variable %s is %s%v, want %s", v.Path(), t.DType, t.Shape, v.Shape())
		}
	}
	for _, t := range c.tensors {
		if err := setVariable(r.store, t); err != nil {
			return fmt.Errorf("variable %s: %w", t.Name, err)
		}
	}
	r.History = c.history
	return nil
}

// setVariable sets a variable of the store. The optimizer's do not exist before the first step and are made.
func setVariable(store *model.Store, t safetensors.Tensor) error {
	dtype, _ := dtypeOf(t.DType)
	value, err := tensors.FromRaw(nil, 0, shapes.Make(dtype, t.Shape...), t.Data)
	if err != nil {
		return err
	}
	if v := store.GetVariable(t.Name); v != nil {
		return v.SetValue(value)
	}
	v, err := store.CreateVariable(t.Name, value)
	if err != nil {
		return err
	}
	v.SetTrainable(false)
	return nil
}
