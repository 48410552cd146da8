package runner

import (
	"errors"

	"nndl.example/resnet18/pkg/nn"
)

// Errors that callers can test for with errors.Is.
var (
	// ErrStopped is returned by Train if its context ended or a hook asked for a stop: everything is saved, and calling Train
	// again resumes the run.
	ErrStopped = errors.New("training stopped before its end")
	// ErrDiverged is returned by Train if the loss or the weights are no longer finite.
	ErrDiverged = errors.New("training diverged")
	// ErrNotFinite is returned by Evaluate and Predict if the loss or the logits are NaN or infinite.
	ErrNotFinite = errors.New("not a finite number")
	// ErrCorrupt marks a damaged file: its digest is missing or wrong, or it is not a safetensors file.
	ErrCorrupt = errors.New("corrupt file")
	// ErrOtherRun marks a file of a run with another model, other data or other hyper-parameters.
	ErrOtherRun = errors.New("belongs to a different run")
	// ErrVersion marks a checkpoint in a format that this version of the program does not read.
	ErrVersion = errors.New("written by another version of this program")
	// ErrArchitecture marks weights of another network, ErrOutputs those that differ only in the last layer.
	ErrArchitecture, ErrOutputs = nn.ErrArchitecture, nn.ErrOutputs
)
