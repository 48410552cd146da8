package runner

import (
	"encoding/json"
	"fmt"
	"slices"

	"nndl.example/resnet18/pkg/safetensors"
)

// History is what a run records about itself, kept in its checkpoints.
type History struct {
	Steps []Step   `json:"steps"` // every training step, in order
	Evals []Eval   `json:"evals"` // every evaluation on dev, in order
	Log   []string `json:"log"`   // the lines that Train printed
	Best  float64  `json:"best"`  // the best dev accuracy
	// Seconds is the time spent in training steps and evaluations, over all sessions.
	Seconds float64 `json:"seconds"`
	Device  string  `json:"device"` // what the last session computed with
	Data    string  `json:"data"`   // which data it was trained on
}

// Step is one training step.
type Step struct {
	Loss         float32 `json:"l"`
	Accuracy     float32 `json:"a"` // of the batch, before the update
	LearningRate float32 `json:"r"`
	Seconds      float32 `json:"s,omitempty"` // it took
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
		var h History
		if h, err = readHistory(path); err == nil {
			r.History = h
			return nil
		}
	}
	return err
}

func readHistory(path string) (h History, err error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return h, err
	}
	defer f.Close()
	if err := json.Unmarshal([]byte(f.Metadata["history"]), &h); err != nil {
		return h, fmt.Errorf("runner: %s: the history is not readable: %w", path, err)
	}
	return h, nil
}
