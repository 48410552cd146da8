package playground

import (
	"fmt"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/loss"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/optim"
)

const (
	// BatchSize is the number of images of a training step.
	BatchSize = 20
	momentum  = 0.9
)

// Training is the training of a small residual network, step by step, with SGD and momentum.
type Training struct {
	Steps, Params int // steps done; trainable parameters
	data          *cifar10.Dataset
	rng           *rand.Rand
	order         []int // the images that this epoch has not used yet
	rate          *model.Variable
	update        *model.Exec
	evaluate      *model.Exec
}

// NewTraining returns the training of a new network, with or without shortcuts, on a data set.
func NewTraining(b compute.Backend, data *cifar10.Dataset, shortcuts bool, seed uint64) (*Training, error) {
	if data.Len() < BatchSize {
		return nil, fmt.Errorf("playground: %d training images: want at least %d", data.Len(), BatchSize)
	}
	net, store := small{shortcuts}, model.NewStore()
	if err := net.init(store, seed); err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	t := &Training{Params: nn.CountTrainable(net.params()), data: data, rng: rand.New(rand.NewPCG(seed, 0))}
	t.rate = optimizer.LearningRateVar(store.RootScope(), dtypes.Float32, 0)
	sgd := optim.SGD(0, momentum, false, 0)
	var err error
	t.update, err = model.NewExec(b, store, func(s *model.Scope, images, labels *graph.Node) *graph.Node {
		s.Store().SetTraining(images.Graph(), true)
		l := crossEntropy(net.logits(s, cifar10.Normalize(images)), labels)
		sgd.UpdateGraph(s, images.Graph(), l)
		return l
	})
	if err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	t.evaluate, err = model.NewExec(b, store, func(s *model.Scope, images, labels *graph.Node) (_, _ *graph.Node) {
		s.Store().SetTraining(images.Graph(), false)
		logits := net.logits(s, cifar10.Normalize(images))
		right := graph.Equal(graph.ArgMax(logits, 1, dtypes.Int32), graph.Squeeze(labels, 1))
		return crossEntropy(logits, labels), graph.ReduceAllMean(graph.ConvertDType(right, dtypes.Float32))
	})
	if err != nil {
		return nil, fmt.Errorf("playground: %w", err)
	}
	return t, nil
}

func crossEntropy(logits, labels *graph.Node) *graph.Node {
	return graph.ReduceAllMean(loss.SparseCategoricalCrossEntropyLogits([]*graph.Node{labels}, []*graph.Node{logits}))
}

// Step trains on the next batch and returns its loss before the step. Each epoch shuffles the images again; those that do not fill
// a batch are left out of it.
func (t *Training) Step(learningRate float64) (float64, error) {
	if len(t.order) < BatchSize {
		t.order = t.rng.Perm(t.data.Len())
	}
	batch := cifar10.New(t.data.Split, 0)
	for _, i := range t.order[:BatchSize] {
		batch.Labels = append(batch.Labels, t.data.Labels[i])
		batch.Pixels = append(batch.Pixels, t.data.Pixels[i*cifar10.ImageSize:][:cifar10.ImageSize]...)
	}
	t.order = t.order[BatchSize:]
	if err := t.rate.SetValue(tensors.FromScalar(float32(learningRate))); err != nil {
		return 0, fmt.Errorf("playground: learning rate: %w", err)
	}
	out, err := t.update.Call(asTensors(batch)...)
	if err != nil {
		return 0, fmt.Errorf("playground: step %d: %w", t.Steps+1, err)
	}
	defer finalize(out)
	t.Steps++
	return float64(tensors.ToScalar[float32](out[0])), nil
}

// Evaluate returns the mean loss and the accuracy on other images.
func (t *Training) Evaluate(d *cifar10.Dataset) (loss, accuracy float64, err error) {
	out, err := t.evaluate.Call(asTensors(d)...)
	if err != nil {
		return 0, 0, fmt.Errorf("playground: evaluation: %w", err)
	}
	defer finalize(out)
	return float64(tensors.ToScalar[float32](out[0])), float64(tensors.ToScalar[float32](out[1])), nil
}

func asTensors(d *cifar10.Dataset) []any {
	labels := make([]int32, d.Len())
	for i, l := range d.Labels {
		labels[i] = int32(l)
	}
	return []any{tensors.FromFlatDataAndDimensions(d.Pixels, d.Len(), cifar10.Height, cifar10.Width, cifar10.Channels),
		tensors.FromFlatDataAndDimensions(labels, d.Len(), 1)}
}
