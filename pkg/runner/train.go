package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/optim"
)

// Train trains on the training split and keeps the model with the best accuracy on dev, as the book's RunnerV3 does. It
// resumes from the folder's newest checkpoint, and the result is bit for bit that of an uninterrupted run on the same CPU. (On a
// GPU that is not tested.) A new run starts from the imported weights, if there are any.
//
// A complete run continues if Config asks for more epochs. Its steps and weights are then those of a run that was longer from
// the start; the evaluation after the shorter run's last step stays in the history, and the best model may come from it.
//
// Train returns ErrStopped if ctx ended, ErrDiverged if the loss or the weights are no longer finite, ErrOtherRun if the
// folder belongs to another run, and ErrVersion if another version of this program wrote it.
func (r *Runner) Train(ctx context.Context, trainData, dev *cifar.Dataset) error {
	if err := r.checkData(trainData, dev); err != nil {
		return err
	}
	lock, err := lockFolder(r.dir)
	if err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	t := training{Runner: r, lock: lock, id: r.identity(trainData, dev), train: trainData, dev: dev, saved: time.Now()}
	defer func() { t.lock.release() }()
	r.removeTemporary()
	if err := t.resume(); err != nil {
		return err
	}
	r.about = about{trainData.Classes, t.id.Data}
	if err := t.newLoader(); err != nil {
		return err
	}
	defer t.loader.Finalize()
	if err := t.newLaunch(); err != nil {
		return err
	}
	defer t.launch.Finalize()
	r.total = r.Config.Epochs * t.loader.Steps()
	t.progress = newProgress(cmp.Or(r.Display, NewDisplay(r.Out)))
	defer t.progress.Finish()

	t.replay()
	if t.isComplete() {
		return nil
	}
	t.History.Device, t.History.Data = backend.DescribeDevices(r.backend, r.Config.Devices), trainData.Origin
	if err := checkWritable(r.dir); err != nil {
		return fmt.Errorf("runner: %w", err)
	}
	return t.trainToEnd(ctx)
}

func (r *Runner) checkData(trainData, dev *cifar.Dataset) error {
	if err := r.checkClasses(trainData, dev); err != nil {
		return err
	}
	n, batch, devices := trainData.Len(), r.Config.BatchSize, r.Config.Devices
	switch {
	case n == 0 || dev.Len() == 0:
		return fmt.Errorf("runner: %d images to train on and %d to evaluate on: want at least 1 of each", n, dev.Len())
	case n%batch == 1:
		return fmt.Errorf("runner: %d images in batches of %d leave 1 for the last batch, and batch norm needs at least 2: change the number of images or the batch size", n, batch)
	case batch%devices != 0:
		return fmt.Errorf("runner: batches of %d images for %d devices: want a number of devices that divides the batch size", batch, devices)
	}
	return nil
}

// training is the state of one call of Train.
type training struct {
	*Runner
	lock     *folderLock
	id       identity
	loader   *cifar.Loader
	launch   *model.Exec // see launchSteps
	train    *cifar.Dataset
	dev      *cifar.Dataset
	step     int  // steps done
	started  bool // this session has done a step
	progress *progress

	initial    *initialWeights // nil if nothing was imported
	best       []byte          // the best model's file, in case it must be written again; nil if there is none
	bestDigest string          // its digest
	bestOK     bool            // it has been written
	lostBest   error           // why the best model's file could not be used; nil if it could
	unsaved    bool            // something has happened since the last checkpoint
	saved      time.Time       // when saving was last tried
	onDisk     int             // the step of the last checkpoint
	restored   int             // number of variables that a checkpoint restored; 0 without a checkpoint
}

// newLoader prepares the training batches.
func (t *training) newLoader() error {
	loader, err := cifar.NewLoader(t.backend, t.train, t.Config.BatchSize, t.Config.Seed)
	if err != nil {
		return err
	}
	if err := loader.Augment(t.Config.Recipe.Augment); err != nil {
		loader.Finalize()
		return err
	}
	t.loader = loader
	return nil
}

// trainToEnd trains until the run is complete, its context ends or an error occurs.
func (t *training) trainToEnd(ctx context.Context) error {
	err := t.afterStep(ctx) // the run may have been stopped before an evaluation
	for err == nil && t.step < t.total {
		if t.canLaunch() {
			err = t.launchSteps(ctx)
		} else {
			err = t.trainEpoch(ctx)
		}
	}
	_, hook := errors.AsType[hookError](err)
	switch {
	case errors.Is(err, ErrStopped):
		return t.stop()
	case hook:
		return errors.Join(err, t.saveOrFail())
	case err != nil:
		return err
	}
	t.print(doneLine)
	return t.saveOrFail()
}

// trainEpoch trains to the end of an epoch, from the batch on that the run has reached, or until several steps can be made in one
// launch.
func (t *training) trainEpoch(ctx context.Context) error {
	epoch, first := t.step/t.loader.Steps(), t.step%t.loader.Steps()
	for batch, err := range t.loader.Epoch(epoch, first) {
		if err == nil {
			err = t.oneStep(epoch, batch)
		}
		if err == nil {
			err = t.callStepHooks()
		}
		if err == nil {
			err = t.afterStep(ctx)
		}
		if err != nil || t.canLaunch() {
			return err
		}
	}
	return nil
}

// oneStep updates the weights, records the step and logs it.
func (t *training) oneStep(epoch int, batch train.Batch) error {
	start := time.Now()
	rate, err := t.setLearningRate()
	if err != nil {
		return err
	}
	loss, accuracy, err := t.updateWeights(batch)
	if err != nil {
		return fmt.Errorf("runner: step %d of %d: %w", t.step, t.total, err)
	}
	if err := t.record(epoch, loss, accuracy, rate, time.Since(start)); err != nil {
		return err
	}
	return t.lookahead.AfterStep(t.step, t.Config.Recipe.Lookahead, t.total)
}

// record adds a step to the history and logs it. The log counts steps from 0, as the book does.
func (t *training) record(epoch int, loss, accuracy float32, rate float64, took time.Duration) error {
	if !isNumber(float64(loss)) {
		return t.diverged(fmt.Sprintf("the loss is %g", loss), t.step)
	}
	t.History.Steps = append(t.History.Steps, Step{Loss: loss, Accuracy: accuracy, LearningRate: float32(rate), Seconds: float32(took.Seconds())})
	if t.step%t.Config.LogSteps == 0 {
		t.print(fmt.Sprintf("[Train] epoch: %d/%d, step: %d/%d, loss: %.5f", epoch, t.Config.Epochs, t.step, t.total, loss))
	}
	t.step++
	t.unsaved = true
	t.History.Seconds += took.Seconds()
	t.progress.step(t.step, t.total, float64(loss), took)
	if !t.started {
		t.started = true
		debug.FreeOSMemory() // of the graph and the initial weights, which are compiled and on the device now
	}
	return nil
}

// learningRate returns the learning rate of a step. It follows from the step alone, so a resumed run has the same.
func (t *training) learningRate(step int) float64 {
	return t.Config.LearningRate * t.Config.Recipe.Schedule.Factor(step, t.total)
}

// setLearningRate gives the optimizer the learning rate of the next step and returns it.
func (t *training) setLearningRate() (float64, error) {
	rate := t.learningRate(t.step)
	if t.Config.Recipe.Schedule.Kind == "" {
		return rate, nil // the optimizer's own variable has it
	}
	return rate, optim.SetLearningRate(t.store, rate)
}

// updateWeights runs one training step and returns the batch's loss and accuracy before it.
func (t *training) updateWeights(batch train.Batch) (loss, accuracy float32, err error) {
	metrics, err := t.trainStep(batch)
	if err != nil {
		return 0, 0, err
	}
	loss, accuracy = tensors.ToScalar[float32](metrics[0]), tensors.ToScalar[float32](metrics[2])
	for _, m := range metrics {
		err = errors.Join(err, m.FinalizeAll())
	}
	if state := t.state(); t.restored > 0 && len(state) != t.restored {
		return 0, 0, fmt.Errorf("training uses the variable %s, which the checkpoint does not have: %w; delete %s to start over",
			state[len(state)-1].Path(), ErrVersion, t.dir)
	}
	return loss, accuracy, err
}

// afterStep evaluates, saves or stops, whichever is due. Whether an evaluation is due follows from the state alone, so one
// that is interrupted is repeated when the run resumes.
func (t *training) afterStep(ctx context.Context) error {
	if t.evaluationDue() {
		if err := t.evaluateDev(ctx); err != nil {
			return err
		}
		if err := t.callEvaluationHooks(); err != nil {
			return err
		}
	}
	if ctx.Err() != nil && t.step < t.total {
		return ErrStopped
	}
	if t.unsaved && time.Since(t.saved) > t.Config.SaveEvery {
		return t.trySave()
	}
	return nil
}

// evaluationDue reports whether the last step is one after which the book evaluates, and the evaluation is missing.
func (t *training) evaluationDue() bool {
	last := t.step - 1
	if t.step != t.total && (last < 1 || last%t.Config.EvalSteps != 0) {
		return false
	}
	return !slices.ContainsFunc(t.History.Evals, func(e Eval) bool { return e.Step == last })
}

// evaluateDev scores the model on dev and keeps it if it is the best so far.
func (t *training) evaluateDev(ctx context.Context) error {
	start := time.Now()
	if err := t.setPreciseNorm(); err != nil {
		return err
	}
	score, loss, err := t.evaluate(ctx, t.dev, t.progress)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return ErrStopped
		}
		return err
	}
	if !isNumber(loss) {
		return t.diverged(fmt.Sprintf("the loss on dev is %g", loss), t.step-1)
	}
	t.History.Evals = append(t.History.Evals, Eval{Step: t.step - 1, Score: score, Loss: loss})
	t.History.Seconds += time.Since(start).Seconds()
	t.unsaved = true
	t.print(fmt.Sprintf("[Evaluate]  dev score: %.5f, dev loss: %.5f", score, loss))
	if score <= t.History.Best && t.best != nil {
		return nil
	}
	if err := t.keepBest(); err != nil {
		return err
	}
	t.print(fmt.Sprintf("[Evaluate] best accuracy performance has been updated: %.5f --> %.5f", t.History.Best, score))
	t.History.Best = score
	return t.trySave()
}

// diverged returns the error for numbers that are no longer finite.
func (t *training) diverged(what string, step int) error {
	return fmt.Errorf("runner: %w: %s at step %d with learning rate %g: try a tenth of it, in another folder or after deleting %s; this step is not saved",
		ErrDiverged, what, step, t.Config.LearningRate, t.dir)
}

func isNumber(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
