package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/safetensors"
)

// partlyLive is a Model with kernels that the data reaches only in part: see resnet.Config.LiveKernelRanges.
type partlyLive interface{ LiveKernelRanges() map[string][2]int }

// torchNamed is a Model with names of its own for its variables.
type torchNamed interface{ TorchName(name string) string }

func torchNames(m Model) func(string) string {
	if named, ok := m.(torchNamed); ok {
		return named.TorchName
	}
	return pretrained.SameName
}

// summaryTensor is the part of a history that has a fixed size, in the compact form.
const summaryTensor = "history/summary" // U8 [bytes]: JSON

// WriteCompact writes the model and its history in the form of package pretrained. It leaves out the durations of the steps.
// It sets info.Network.
func (r *Runner) WriteCompact(w io.Writer, info pretrained.Info) error {
	h := r.History
	h.Steps = slices.Clone(h.Steps)
	for i := range h.Steps {
		h.Steps[i].Seconds = 0
	}
	summary, err := h.summary()
	if err != nil {
		return fmt.Errorf("runner: compact model: %w", err)
	}
	others := append(h.tensors(), safetensors.Tensor{Name: summaryTensor, DType: "U8", Shape: []int{len(summary)}, Data: []byte(summary)})
	var live pretrained.Live
	if m, ok := r.model.(partlyLive); ok {
		live = m.LiveKernelRanges()
	}
	info.Network = r.model.String()
	if err := pretrained.Write(w, r.store, r.model.Params(), torchNames(r.model), live, info, others...); err != nil {
		return fmt.Errorf("runner: compact model: %w", err)
	}
	return nil
}

// LoadCompact sets weights, running statistics and history from a file that WriteCompact wrote; from names it, for errors and
// LoadedFrom. It returns ErrCorrupt for a damaged file and ErrArchitecture for one of another network. After an error
// nothing has changed.
func (r *Runner) LoadCompact(data []byte, from string) (pretrained.Info, error) {
	return r.loadCompact(data, from, func(w *pretrained.Weights) error {
		h, err := compactHistory(w)
		if err != nil {
			return err
		}
		if err := w.LoadAs(r.store, r.model.Params(), torchNames(r.model)); err != nil {
			return err
		}
		r.History = h
		return nil
	})
}

// LoadCompactFeatures is like LoadFeatures for a file that WriteCompact wrote; from names it, for errors and LoadedFrom.
func (r *Runner) LoadCompactFeatures(data []byte, from string) (pretrained.Info, error) {
	return r.loadCompact(data, from, func(w *pretrained.Weights) error { return w.LoadFeatures(r.store, r.model.Params()) })
}

// loadCompact opens a file and lets load take from it.
func (r *Runner) loadCompact(data []byte, from string, load func(*pretrained.Weights) error) (info pretrained.Info, err error) {
	w, err := pretrained.Open(data)
	if err == nil {
		info, err = w.Info, load(w)
	}
	if err != nil {
		return info, fmt.Errorf("runner: %s: %w", from, asCorrupt(err))
	}
	r.loadedFrom, r.about = from, about{}
	return info, nil
}

func compactHistory(w *pretrained.Weights) (h History, err error) {
	ts, err := w.Others()
	if err != nil {
		return h, err
	}
	for _, t := range ts { // the summary replaces the history's other fields, so it comes first
		if t.Name == summaryTensor {
			if err := json.Unmarshal(t.Data, &h); err != nil {
				return h, fmt.Errorf("%w: %s: %w", ErrCorrupt, t.Name, err)
			}
		}
	}
	for _, t := range ts {
		if _, err := h.read(t); err != nil {
			return h, err
		}
	}
	return h, nil
}
