package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
)

// ErrStopped is returned by Train when its context ended: all is saved, and Train goes on when it is called
// again.
var ErrStopped = errors.New("training stopped before its end")

// Train trains on the training split and keeps the model with the best accuracy on dev, as the book's
// RunnerV3 does. It goes on from the folder's newest checkpoint.
func (r *Runner) Train(ctx context.Context, trainData, dev *cifar.Dataset) error {
	unlock, err := r.lockFolder()
	if err != nil {
		return err
	}
	defer unlock()
	id := r.identity(trainData)
	step, err := r.resume(id)
	if err != nil {
		return err
	}
	loader, err := cifar.NewLoader(r.backend, trainData, r.Config.BatchSize, r.Config.Seed)
	if err != nil {
		return err
	}
	defer loader.Finalize()

	t := training{Runner: r, id: id, loader: loader, dev: dev, step: step, total: r.Config.Epochs * loader.Steps(), saved: time.Now()}
	t.replay()
	if t.step >= t.total {
		return nil
	}
	r.History.Device, r.History.Data = backend.Describe(r.backend), trainData.Origin
	t.progress = newProgress(r.Out, t.step, t.total)
	return t.run(ctx)
}

// training is the state of one call of Train.
type training struct {
	*Runner
	id       identity
	loader   *cifar.Loader
	dev      *cifar.Dataset
	step     int // steps done
	total    int
	saved    time.Time
	progress *progress
}

// replay shows what earlier sessions printed.
func (t *training) replay() {
	for _, line := range t.History.Log {
		fmt.Fprintln(t.Out, line)
	}
	took := time.Duration(t.History.Seconds * float64(time.Second)).Round(time.Second)
	switch {
	case t.step >= t.total:
		fmt.Fprintf(t.Out, "(This run is complete: %d steps in %v, %s. Delete %s to train anew.)\n", t.step, took, t.History.Device, t.dir)
	case t.step > 0:
		fmt.Fprintf(t.Out, "(going on at step %d of %d)\n", t.step, t.total)
	}
}

func (t *training) run(ctx context.Context) error {
	perEpoch := t.loader.Steps()
	for t.step < t.total {
		epoch := t.step / perEpoch
		for batch, err := range t.loader.Epoch(epoch, t.step%perEpoch) {
			if err != nil {
				return err
			}
			if err := t.oneStep(ctx, epoch, batch); err != nil {
				return err
			}
			if ctx.Err() != nil && t.step < t.total {
				return t.stop()
			}
			if t.step >= t.total {
				break
			}
		}
	}
	t.print("[Train] Training done!")
	return t.save(t.step, t.id)
}

// oneStep updates the weights, logs, evaluates and saves when it is time. Steps are counted from 0 in
// the log, as the book does.
func (t *training) oneStep(ctx context.Context, epoch int, batch train.Batch) error {
	start := time.Now()
	loss, accuracy, err := t.update(batch)
	if err != nil {
		return fmt.Errorf("runner: step %d of %d: %w", t.step, t.total, err)
	}
	if bad := float64(loss); math.IsNaN(bad) || math.IsInf(bad, 0) {
		return fmt.Errorf("runner: the loss is %g at step %d with learning rate %g: try a smaller one; the last checkpoint in %s is from before",
			loss, t.step, t.Config.LearningRate, t.dir)
	}
	t.History.Steps = append(t.History.Steps, Step{Loss: loss, Accuracy: accuracy, LearningRate: float32(t.Config.LearningRate)})
	if t.step%t.Config.LogSteps == 0 {
		t.print(fmt.Sprintf("[Train] epoch: %d/%d, step: %d/%d, loss: %.5f", epoch, t.Config.Epochs, t.step, t.total, loss))
	}
	if t.step > 0 && (t.step%t.Config.EvalSteps == 0 || t.step == t.total-1) {
		if err := t.evaluate(ctx); err != nil {
			return err
		}
	}
	t.step++
	t.History.Seconds += time.Since(start).Seconds()
	t.progress.update(t.step, float64(loss))
	if time.Since(t.saved) > t.Config.SaveEvery {
		if err := t.save(t.step, t.id); err != nil {
			return err
		}
		t.saved = time.Now()
	}
	return nil
}

// update runs one training step and returns the batch's loss and accuracy before it.
func (t *training) update(batch train.Batch) (loss, accuracy float32, err error) {
	metrics, err := t.trainer.TrainStep(batch)
	if err != nil {
		return 0, 0, err
	}
	loss, accuracy = tensors.ToScalar[float32](metrics[0]), tensors.ToScalar[float32](metrics[2])
	for _, m := range metrics {
		err = errors.Join(err, m.FinalizeAll())
	}
	return loss, accuracy, err
}

// evaluate scores the model on dev and saves it if it is the best so far. An evaluation is finished even
// when the run has been asked to stop: it takes seconds, and the history stays whole.
func (t *training) evaluate(ctx context.Context) error {
	score, loss, err := t.Evaluate(context.WithoutCancel(ctx), t.dev)
	if err != nil {
		return err
	}
	t.History.Evals = append(t.History.Evals, Eval{Step: t.step, Score: score, Loss: loss})
	t.print(fmt.Sprintf("[Evaluate]  dev score: %.5f, dev loss: %.5f", score, loss))
	if score > t.History.Best {
		if err := t.SaveModel(t.BestPath()); err != nil {
			return err
		}
		t.print(fmt.Sprintf("[Evaluate] best accuracy performance has been updated: %.5f --> %.5f", t.History.Best, score))
		t.History.Best = score
	}
	return nil
}

// stop saves and says how to go on.
func (t *training) stop() error {
	if err := t.save(t.step, t.id); err != nil {
		return err
	}
	t.progress.clear()
	fmt.Fprintf(t.Out, "[Train] stopped after step %d of %d and saved in %s; run it again to go on\n", t.step, t.total, t.dir)
	return ErrStopped
}

// print shows a line and keeps it for replays.
func (t *training) print(line string) {
	t.progress.clear()
	fmt.Fprintln(t.Out, line)
	t.History.Log = append(t.History.Log, line)
}

// lockFolder keeps a second run out of the folder.
func (r *Runner) lockFolder() (unlock func(), err error) {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return nil, fmt.Errorf("runner: the run's folder: %w", err)
	}
	lock := flock.New(filepath.Join(r.dir, "lock"))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("runner: locking %s: %w", r.dir, err)
	}
	if !ok {
		return nil, fmt.Errorf("runner: another run is training in %s: wait for it, stop it, or choose another folder", r.dir)
	}
	return func() { lock.Unlock() }, nil
}
