package runner

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/metric"

	"nndl.example/resnet18/pkg/safetensors"
)

// checkpoint is the content of a checkpoint's file: the state after a number of steps. The order of the data is not part of
// it, because it follows from the seed and the step.
//
// The metadata of a file of version 2 are the keys step, identity, history (see History.summary), best and the digest. Files
// of version 1 have the whole history in the metadata and no best.
type checkpoint struct {
	step    int
	id      identity
	history History
	best    string               // digest of the best model's file; "" if there is none
	tensors []safetensors.Tensor // every variable of the store: weights, running statistics, the optimizer's …

	version string // of a file that was read
	run     string // the runDigest of its identity
}

const (
	version1      = "" // has no key for it
	version2      = "2"
	versionKey    = "version"
	digestKeyOfV1 = "sha256"
	damagedSuffix = ".damaged" // a damaged file is set aside under this name
)

// metadataKeys are the metadata of a checkpoint of either version.
var metadataKeys = []string{versionKey, "step", "identity", "history", "best", digestKey, digestKeyOfV1}

var dtypeNames = map[dtypes.DType]string{dtypes.Float32: "F32", dtypes.Int64: "I64", dtypes.Int32: "I32", dtypes.Uint64: "U64"}

func dtypeOf(name string) (dtypes.DType, bool) {
	d, known := dtypes.MapOfNames[name]
	return d, known && dtypeNames[d] == name
}

// state lists the variables that a checkpoint holds: all but GoMLX's moving averages for display, whose names change from run
// to run.
func (r *Runner) state() []*model.Variable {
	var vars []*model.Variable
	for v := range r.store.IterVariables() {
		if !strings.HasPrefix(v.Path(), "/"+metric.Scope+"/") {
			vars = append(vars, v)
		}
	}
	return vars
}

// withTensors calls use with the values of variables, without copying them: a copy of ResNet-18's state, with the optimizer's
// two moments for each weight, would take 140 MB.
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
	summary, err1 := c.history.summary()
	id, err2 := c.id.text()
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	metadata := map[string]string{versionKey: version2, "step": strconv.Itoa(c.step), "identity": id, "history": summary, "best": c.best}
	all := slices.Concat(c.tensors, c.history.tensors())
	metadata[digestKey] = digest(metadata, all)
	return safetensors.Write(w, all, metadata)
}

// isFinite reports whether a float tensor is free of NaN and infinities, which have all bits of the exponent set.
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

// readCheckpoint reads a file and checks all that can be checked without knowing the run. Without variables it also checks
// them, but does not keep them in memory.
func readCheckpoint(path string, variables bool) (*checkpoint, error) {
	f, err := openOwn(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := parseCheckpoint(f, variables)
	if err == nil && filepath.Base(path) != checkpointName(c.step) {
		err = fmt.Errorf("%w: the file name does not match its step %d", ErrCorrupt, c.step)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// parseCheckpoint checks the digest before it interprets the content, so that damage is not taken for another version.
func parseCheckpoint(f *safetensors.File, variables bool) (*checkpoint, error) {
	c, err := parseMetadata(f.Metadata)
	if err != nil {
		return nil, err
	}
	want, h := f.Metadata[digestKey], newHasher(f.Metadata, digestedKeys(f.Metadata))
	if c.version == version1 {
		want, h = f.Metadata[digestKeyOfV1], newHasher(f.Metadata, []string{"step", "identity", "history"})
	}
	for _, name := range f.Names() {
		t, err := f.Tensor(name)
		if err != nil {
			return nil, err
		}
		h.add(t)
		if c.version != version1 {
			if isHistory, err := c.history.read(t); err != nil {
				return nil, err
			} else if isHistory {
				continue
			}
		}
		if _, ok := dtypeOf(t.DType); !ok {
			return nil, fmt.Errorf("%w: tensor %q has dtype %s, which no checkpoint holds", ErrCorrupt, name, t.DType)
		}
		if variables {
			c.tensors = append(c.tensors, t)
		}
	}
	switch {
	case want == "":
		return nil, fmt.Errorf("%w: no digest", ErrCorrupt)
	case want != h.String():
		return nil, errDigest
	}
	if err := checkKnown(f); err != nil {
		return nil, err
	}
	if c.step != len(c.history.Steps) {
		return nil, fmt.Errorf("%w: the checkpoint is of step %d, its history has %d steps", ErrCorrupt, c.step, len(c.history.Steps))
	}
	c.id, err = parseIdentity(f.Metadata["identity"])
	return c, err
}

// checkKnown returns ErrVersion if an undamaged checkpoint has anything but the identity that this version does not know.
func checkKnown(f *safetensors.File) error {
	for key := range f.Metadata {
		if !slices.Contains(metadataKeys, key) {
			return fmt.Errorf("%w: unknown metadata key %.40q", ErrVersion, key)
		}
	}
	for _, name := range f.Names() {
		if !strings.HasPrefix(name, "/") && !slices.Contains(historyTensors, name) {
			return fmt.Errorf("%w: unknown tensor %.40q", ErrVersion, name)
		}
	}
	if err := parseJSON(f.Metadata["history"], &History{}); err != nil {
		return fmt.Errorf("%w: history of the run: %w", ErrVersion, err)
	}
	return nil
}

// parseMetadata reads a checkpoint's metadata, all but the identity, without checking them against the digest.
func parseMetadata(metadata map[string]string) (*checkpoint, error) {
	for _, key := range []string{"step", "identity", "history"} {
		if metadata[key] == "" {
			return nil, fmt.Errorf("%w: not a checkpoint of a training run: the metadata have no %q", ErrCorrupt, key)
		}
	}
	c := &checkpoint{version: metadata[versionKey], best: metadata["best"], run: runDigest(metadata["identity"])}
	if c.version != version1 && c.version != version2 {
		return nil, fmt.Errorf("%w: checkpoint of version %.20q, want %s", ErrVersion, c.version, version2)
	}
	var err error
	if c.step, err = strconv.Atoi(metadata["step"]); err != nil {
		return nil, fmt.Errorf("%w: metadata of the checkpoint: %w", ErrCorrupt, err)
	}
	if err := json.Unmarshal([]byte(metadata["history"]), &c.history); err != nil {
		return nil, fmt.Errorf("%w: metadata of the checkpoint: %w", ErrCorrupt, err)
	}
	if c.step < 1 {
		return nil, fmt.Errorf("%w: the checkpoint is of step %d, want at least 1", ErrCorrupt, c.step)
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
			return fmt.Errorf("%w: the checkpoint has no variable %s", ErrCorrupt, v.Path())
		case t.DType != dtypeNames[v.DType()] || !slices.Equal(t.Shape, v.Shape().Dimensions):
			return fmt.Errorf("%w: the checkpoint's variable %s is %s%v, want %s", ErrCorrupt, v.Path(), t.DType, t.Shape, v.Shape())
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

// setVariable sets a variable of the store. It creates those of the optimizer, which do not exist before the first step.
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
