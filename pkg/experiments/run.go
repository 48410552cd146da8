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
	train, err1 := l.Data(cifar.Train)
	dev, err2 := l.Data(cifar.Dev)
	test, err3 := l.Data(cifar.Test)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	train = row.images(train, dev)
	model, macs, err := row.network(train)
	if err != nil {
		return nil, err
	}
	dir := l.RunDir("exp-" + row.Name)
	row.Config.Devices = l.Devices
	r, err := runner.New(l.Backend, model, dir, row.Config)
	if err != nil {
		return nil, err
	}
	defer r.Finalize()
	r.Out = l.Out
	fmt.Fprintf(l.Out, "%s: %s\n%v; recipe: %v; %d epochs of %d images\n", row.Name, row.Change, model, r.Config.Recipe, r.Config.Epochs, train.Len())
	complete, err := lab.TrainOn(r, train, dev)
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
		WithDev: row.WithDev, Network: model.String(), Parameters: nn.CountTrainable(model.Params()), MACs: macs,
		Config: r.Config, TrainImages: train.Len(), DevImages: dev.Len(), TrainData: train.Fingerprint(), TestData: test.Fingerprint(),
	}
	result.training(&r.History)
	if row.Config.Recipe.MuonRate > 0 {
		result.FLOPs += 2 * float64(muonMACs(model)) * float64(result.Steps)
	}
	return result, result.score(r, test)
}

// Trained returns a runner with the best model and the history of a row's run.
func Trained(l *lab.Lab, row Row) (*runner.Runner, error) {
	train, err := l.Data(cifar.Train)
	if err != nil {
		return nil, err
	}
	var dev *cifar.Dataset
	if row.WithDev {
		if dev, err = l.Data(cifar.Dev); err != nil {
			return nil, err
		}
	}
	model, _, err := row.network(row.images(train, dev))
	if err != nil {
		return nil, err
	}
	r, err := runner.New(l.Backend, model, l.RunDir("exp-"+row.Name), row.Config)
	if err != nil {
		return nil, err
	}
	r.Out = l.Out
	if err := errors.Join(r.LoadBest(), r.LoadHistory()); err != nil {
		r.Finalize()
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("run %q first: %w", command(row.Name), err)
		}
		return nil, fmt.Errorf("experiments: row %s: %w", row.Name, err)
	}
	return r, nil
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
