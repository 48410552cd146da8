package runner

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/safetensors"
)

// History is the record of a run: its steps, evaluations and log lines. It is part of the run's checkpoints.
type History struct {
	Steps []Step   `json:"steps,omitempty"` // every training step, in order
	Evals []Eval   `json:"evals,omitempty"` // every evaluation on dev, in order
	Log   []string `json:"log,omitempty"`   // the lines that Train printed
	Best  float64  `json:"best"`            // the best dev accuracy
	// Seconds is the time spent in training steps and evaluations, over all sessions.
	Seconds float64 `json:"seconds"`
	Device  string  `json:"device"`            // the device of the last session
	Data    string  `json:"data"`              // the origin of the training data
	Initial string  `json:"initial,omitempty"` // the imported file that training started from, with its SHA-256
}

// Step is one training step.
type Step struct {
	Loss         float32 `json:"l"`
	Accuracy     float32 `json:"a"` // of the batch, before the update
	LearningRate float32 `json:"r"`
	Seconds      float32 `json:"s,omitempty"` // duration
}

// Eval is one evaluation on the dev set.
type Eval struct {
	Step  int     `json:"step"`
	Score float64 `json:"score"`
	Loss  float64 `json:"loss"`
}

// LoadHistory reads the history of the run in the runner's folder, without its weights.
func (r *Runner) LoadHistory() error {
	paths, err := r.checkpoints()
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	err = fmt.Errorf("runner: no run has been saved in %s yet", r.dir)
	for _, path := range slices.Backward(paths) {
		var c *checkpoint
		if c, err = readCheckpoint(path, false); err == nil {
			r.History = c.history
			return nil
		}
		if errors.Is(err, ErrVersion) {
			break
		}
		fmt.Fprintf(r.Out, "(ignoring an unusable checkpoint: %v)\n", err)
	}
	return err
}

// In a checkpoint the parts of a history that grow with the run are tensors, since the header of a safetensors file has a
// limit. Variables' names start with "/", so they cannot be mistaken for these.
const (
	stepsTensor = "history/steps" // F32 [steps, 4]: loss, accuracy, learning rate, seconds
	evalsTensor = "history/evals" // F64 [evaluations, 3]: step, score, loss
	logTensor   = "history/log"   // U8 [bytes]: lines of text
)

var historyTensors = []string{stepsTensor, evalsTensor, logTensor}

// summary is the history's JSON without those parts.
func (h History) summary() (string, error) {
	h.Steps, h.Evals, h.Log = nil, nil, nil
	text, err := json.Marshal(h)
	return string(text), err
}

func (h *History) tensors() []safetensors.Tensor {
	steps := make([]byte, 0, 4*4*len(h.Steps))
	for _, s := range h.Steps {
		for _, v := range [...]float32{s.Loss, s.Accuracy, s.LearningRate, s.Seconds} {
			steps = binary.LittleEndian.AppendUint32(steps, math.Float32bits(v))
		}
	}
	evals := make([]byte, 0, 3*8*len(h.Evals))
	for _, e := range h.Evals {
		for _, v := range [...]float64{float64(e.Step), e.Score, e.Loss} {
			evals = binary.LittleEndian.AppendUint64(evals, math.Float64bits(v))
		}
	}
	var log strings.Builder
	for _, line := range h.Log {
		log.WriteString(line)
		log.WriteByte('\n')
	}
	return []safetensors.Tensor{
		{Name: stepsTensor, DType: "F32", Shape: []int{len(h.Steps), 4}, Data: steps},
		{Name: evalsTensor, DType: "F64", Shape: []int{len(h.Evals), 3}, Data: evals},
		{Name: logTensor, DType: "U8", Shape: []int{log.Len()}, Data: []byte(log.String())},
	}
}

// read sets the part of the history that a tensor holds, and reports whether it holds one.
func (h *History) read(t safetensors.Tensor) (bool, error) {
	rows := func(dtype string, columns int) error {
		if t.DType != dtype || len(t.Shape) != 2 || t.Shape[1] != columns {
			return fmt.Errorf("%w: %s is %s%v, want %s[rows %d]", ErrCorrupt, t.Name, t.DType, t.Shape, dtype, columns)
		}
		return nil
	}
	switch t.Name {
	case stepsTensor:
		if err := rows("F32", 4); err != nil {
			return true, err
		}
		h.Steps = make([]Step, t.Shape[0])
		for i := range h.Steps {
			at := func(column int) float32 {
				return math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*(4*i+column):]))
			}
			h.Steps[i] = Step{Loss: at(0), Accuracy: at(1), LearningRate: at(2), Seconds: at(3)}
		}
	case evalsTensor:
		if err := rows("F64", 3); err != nil {
			return true, err
		}
		for i := range t.Shape[0] {
			at := func(column int) float64 {
				return math.Float64frombits(binary.LittleEndian.Uint64(t.Data[8*(3*i+column):]))
			}
			h.Evals = append(h.Evals, Eval{Step: int(at(0)), Score: at(1), Loss: at(2)})
		}
	case logTensor:
		h.Log = nil
		for line := range strings.Lines(string(t.Data)) {
			h.Log = append(h.Log, strings.TrimSuffix(line, "\n"))
		}
	default:
		return false, nil
	}
	return true, nil
}
