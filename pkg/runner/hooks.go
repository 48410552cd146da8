package runner

import "fmt"

// OnStep makes Train call a hook after each training step, with the step's number (from 0) and its record. Hooks run in the
// order in which they were added, before the evaluation and the checkpoint that may follow the step. Steps of earlier
// sessions, which Train resumes after, are not reported again. As a hook may look at the weights after each step, a launch then
// makes one step only, whatever Config.LaunchSteps.
//
// An error from a hook ends the training: Train saves everything and returns the error. ErrStopped ends it like the end of
// Train's context.
func (r *Runner) OnStep(hook func(step int, s Step) error) { r.onStep = append(r.onStep, hook) }

// OnEvaluation makes Train call a hook after each evaluation on dev, like OnStep. By then the model has been kept if it is
// the best so far, and Runner.History contains this evaluation.
func (r *Runner) OnEvaluation(hook func(e Eval) error) { r.onEvaluation = append(r.onEvaluation, hook) }

// hookError is an error that a hook returned: no fault of the training, whose state can be saved.
type hookError struct{ error }

func (e hookError) Unwrap() error { return e.error }

func (t *training) callStepHooks() error {
	for _, hook := range t.onStep {
		if err := hook(t.step-1, t.History.Steps[t.step-1]); err != nil {
			return hookError{fmt.Errorf("runner: hook after step %d: %w", t.step-1, err)}
		}
	}
	return nil
}

func (t *training) callEvaluationHooks() error {
	for _, hook := range t.onEvaluation {
		if err := hook(t.History.Evals[len(t.History.Evals)-1]); err != nil {
			return hookError{fmt.Errorf("runner: hook after the evaluation at step %d: %w", t.step-1, err)}
		}
	}
	return nil
}
