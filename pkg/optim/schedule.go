package optim

import (
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// Schedule multiplies the learning rate by a factor f that depends on the step s = 0, 1, … of S. With w = Warmup·S, f rises
// linearly until s = w (learning-rate warm-up). Then it falls to End, linearly or as half a wave of the cosine (Loshchilov
// and Hutter 2017, eq. 5):
//
//	s < w      f = Start + (1-Start)·s/w
//	"linear"   f = 1 - (1-End)·p                    p = (s-w)/(S-w)
//	"cosine"   f = End + (1-End)·(1+cos πp)/2
//
// The zero value is a constant learning rate. To add a schedule, add its kind to Validate and Factor. (GoMLX's only
// schedule, the cosine, takes the number of steps from train.Loop, which pkg/runner does not use.)
type Schedule struct {
	Kind   string  `json:"kind,omitempty"`   // "linear", "cosine" or "", constant
	Warmup float64 `json:"warmup,omitempty"` // the share of the steps with a rising rate
	Start  float64 `json:"start,omitempty"`  // the factor at the first step, if there is a warm-up
	End    float64 `json:"end,omitempty"`    // the factor after the last step
}

// Validate returns an error that names what is wrong with the schedule.
func (s Schedule) Validate() error {
	switch {
	case s.Kind != "" && s.Kind != "linear" && s.Kind != "cosine":
		return fmt.Errorf("optim: schedule is %q, want \"linear\", \"cosine\" or \"\"", s.Kind)
	case s.Kind == "" && s != Schedule{}:
		return fmt.Errorf("optim: the schedule %+v has no kind, want \"linear\" or \"cosine\"", s)
	case !(s.Warmup >= 0 && s.Warmup < 1 && s.Start >= 0 && s.Start <= 1 && s.End >= 0 && s.End <= 1):
		return fmt.Errorf("optim: schedule %+v: want a warm-up from 0 to less than 1, start and end from 0 to 1", s)
	}
	return nil
}

// String describes the schedule in words.
func (s Schedule) String() string {
	if s.Kind == "" {
		return "constant learning rate"
	}
	text := fmt.Sprintf("%s schedule to %g", s.Kind, s.End)
	if s.Warmup > 0 {
		text += fmt.Sprintf(" after %g%% warm-up from %g", 100*s.Warmup, s.Start)
	}
	return text
}

// Factor returns f at step s of total.
func (s Schedule) Factor(step, total int) float64 {
	if s.Kind == "" {
		return 1
	}
	at, w := float64(step), s.Warmup*float64(total)
	if at < w {
		return s.Start + (1-s.Start)*at/w
	}
	p := (at - w) / (float64(total) - w)
	switch s.Kind {
	case "cosine":
		return s.End + (1-s.End)*(1+math.Cos(math.Pi*p))/2
	default: // "linear"
		return 1 - (1-s.End)*p
	}
}

// SetLearningRate sets the learning rate that the store's optimizer uses from the next step on.
func SetLearningRate(store *model.Store, rate float64) error {
	v := optimizer.LearningRateVar(store.RootScope(), dtypes.Float32, rate)
	if err := v.SetValue(tensors.FromScalar(float32(rate))); err != nil {
		return fmt.Errorf("optim: learning rate: %w", err)
	}
	return nil
}
