package experiments

import (
	"errors"
	"fmt"
	"math"
	"os"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/runner"
)

// Run trains a row in WORK/runs/exp-NAME, or resumes it, and scores its best model on the test set. A stopped training returns
// runner.ErrStopped. The lab's TrainImages, if set, limits the images of every set.
func Run(l *lab.Lab, row Row) (*Result, error) {
	test, err := l.Data(cifar.Test)
	if err != nil {
		return nil, err
	}
	t, err := prepare(l, row)
	if err != nil {
		return nil, err
	}
	r := t.runner
	defer r.Finalize()
	fmt.Fprintf(l.Out, "%s: %s\n%v; recipe: %v; %d epochs of %d images\n", row.Name, row.Change, t.model, r.Config.Recipe, r.Config.Epochs, t.train.Len())
	complete, err := lab.TrainOn(r, t.train, t.dev)
	if err != nil {
		return nil, err
	}
	if !complete {
		return nil, runner.ErrStopped
	}
	if err := r.LoadBest(); err != nil {
		return nil, err
	}
	result := &Result{
		Name: row.Name, Change: row.Change, Against: row.Against, Search: row.Search, Repeats: row.Repeats,
		WithDev: row.WithDev, Network: t.model.String(), Parameters: nn.CountTrainable(t.model.Params()), MACs: t.macs,
		Config: r.Config, TrainImages: t.train.Len(), DevImages: t.dev.Len(), TrainData: t.train.Fingerprint(), TestData: test.Fingerprint(),
	}
	result.training(&r.History)
	if row.Config.Recipe.MuonRate > 0 {
		result.FLOPs += 2 * float64(muonMACs(t.model)) * float64(result.Steps)
	}
	return result, result.score(r, test)
}

// Trained returns a runner with the best model and the history of a row's run, which must be complete.
func Trained(l *lab.Lab, row Row) (*runner.Runner, error) {
	t, err := prepare(l, row)
	if err != nil {
		return nil, err
	}
	r := t.runner
	err = errors.Join(r.LoadBest(), r.LoadHistory())
	switch steps := r.Config.Epochs * t.train.Batches(r.Config.BatchSize); {
	case errors.Is(err, os.ErrNotExist):
		err = fmt.Errorf("run %q first: %w", runCommand(l, row), err)
	case err == nil && len(r.History.Steps) != steps:
		err = fmt.Errorf("the run is at step %d of %d: finish it with %q", len(r.History.Steps), steps, runCommand(l, row))
	}
	if err != nil {
		r.Finalize()
		return nil, fmt.Errorf("experiments: row %s: %w", row.Name, err)
	}
	return r, nil
}

// runCommand returns the command that trains a row in the lab's folder for it.
func runCommand(l *lab.Lab, row Row) string {
	if l.TrainImages == 0 {
		return command(row.Name)
	}
	return fmt.Sprintf("%s -train-images %d", command(row.Name), l.TrainImages)
}

// trial is a row that is ready to be trained.
type trial struct {
	runner     *runner.Runner
	model      runner.Model
	macs       int64          // multiply-adds for an image
	train, dev *cifar.Dataset // the images that it is trained on, and those that choose the best model
}

func prepare(l *lab.Lab, row Row) (t trial, err error) {
	train, err1 := l.Data(cifar.Train)
	dev, err2 := l.Data(cifar.Dev)
	if err := errors.Join(err1, err2); err != nil {
		return t, err
	}
	t.train, t.dev = row.images(train, dev), dev
	if t.model, t.macs, err = row.network(t.train); err != nil {
		return t, err
	}
	row.Config.Devices = l.Devices
	if t.runner, err = runner.New(l.Backend, t.model, l.RunDir("exp-"+row.Name), row.Config); err != nil {
		return t, err
	}
	t.runner.Out = l.Out
	return t, nil
}

// images returns the images that the row trains on. dev may be nil if it is not trained on.
func (r Row) images(train, dev *cifar.Dataset) *cifar.Dataset {
	train = train.Take(r.TrainImages)
	if !r.WithDev {
		return train
	}
	return train.Joined(dev)
}

// muonMACs is the number of multiply-adds that Muon adds to a training step, for any batch size.
func muonMACs(m runner.Model) (total int64) {
	for _, p := range m.Params() {
		if p.Trainable && p.IsConvKernel() {
			total += optim.MuonMACs(p.Dims)
		}
	}
	return total
}

// training fills in the fields that describe the training.
func (r *Result) training(h *runner.History) {
	r.history = h
	r.Steps, r.Seconds, r.Device, r.Origin = len(h.Steps), h.Seconds, h.Device, h.Data
	r.Evals, r.BestDev = h.Evals, h.Best
	r.FLOPs = metrics.TrainingFLOPs(r.MACs, r.TrainImages, r.Config.Epochs)
	const points = 60
	for i := range min(points, r.Steps) {
		from, to := i*r.Steps/min(points, r.Steps), (i+1)*r.Steps/min(points, r.Steps)
		var loss, accuracy float64
		for _, s := range h.Steps[from:to] {
			loss += float64(s.Loss) / float64(to-from)
			accuracy += float64(s.Accuracy) / float64(to-from)
		}
		r.Curve = append(r.Curve, Point{to - 1, round(loss), round(accuracy)})
	}
}

// round keeps four decimals, which keeps the files small.
func round(x float64) float64 { return math.Round(1e4*x) / 1e4 }

// score evaluates the model on the test set.
func (r *Result) score(model *runner.Runner, test *cifar.Dataset) error {
	logits, err := model.Predict(test.Pixels)
	if err != nil {
		return err
	}
	predictions := metrics.Predictions(logits, test.Labels)
	r.TestLoss, _ = metrics.MeanStd(metrics.CrossEntropies(logits, test.Labels))
	r.TestImages, r.TestAccuracy, r.Correct = test.Len(), metrics.Accuracy(predictions), pack(metrics.Corrects(predictions))
	return nil
}
