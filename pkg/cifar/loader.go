package cifar

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"
)

// Loader yields a split in batches. The whole split is kept on the device as bytes (40,000 images: 123 MB, a quarter of the
// size of floats); a small graph gathers each batch from it. The tensors of a batch belong to the caller: its Finalize frees them at
// once, otherwise the garbage collector does.
type Loader struct {
	backend         compute.Backend
	data            *Dataset
	batchSize       int
	seed            uint64
	images, labels  *tensors.Tensor // [n, 3072] uint8, [n] int32
	gather          *graph.Exec
	augment         Augment
	gatherAugmented *graph.Exec // nil without augmentation
	last            *plan       // of the epoch that was asked for last
}

// plan is what an epoch does with the images. It depends only on the seed and the epoch.
type plan struct {
	epoch      int
	order      []int32 // indices of the images
	transforms []int32 // [n, 3] by image, see Augment.transforms; nil without augmentation
}

// NewLoader copies a split to the device. The seed determines the order of the images in every epoch; see Epoch.
func NewLoader(backend compute.Backend, d *Dataset, batchSize int, seed uint64) (*Loader, error) {
	if batchSize < 1 || d.Len() < 1 {
		return nil, fmt.Errorf("cifar: batch size %d, %d images: want at least 1 of each", batchSize, d.Len())
	}
	if len(d.Pixels) != d.Len()*ImageSize {
		return nil, fmt.Errorf("cifar: %s has %d labels and %d bytes of pixels, want %d for each label", d.Split, d.Len(), len(d.Pixels), ImageSize)
	}
	labels := make([]int32, d.Len())
	for i, l := range d.Labels {
		labels[i] = int32(l)
	}
	images, err := tensors.FromRaw(backend, 0, shapes.Make(dtypes.Uint8, d.Len(), ImageSize), d.Pixels)
	if err != nil {
		return nil, fmt.Errorf("cifar: copying %d images to the device: %w", d.Len(), err)
	}
	gather, err := graph.NewExec(backend, gather)
	if err != nil {
		return nil, fmt.Errorf("cifar: building the graph that gathers a batch: %w", err)
	}
	return &Loader{
		backend: backend, data: d, batchSize: batchSize, seed: seed, gather: gather,
		images: images,
		labels: tensors.FromFlatDataAndDimensions(labels, d.Len()),
	}, nil
}

// gather gathers the images of a batch: images [n, 3072], labels [n] and indices [batch] to images [batch, 32, 32, 3] and labels
// [batch, 1].
func gather(images, labels, indices *graph.Node) (*graph.Node, *graph.Node) {
	rows := graph.InsertAxes(indices, -1) // [batch, 1]
	batch := graph.Reshape(graph.Gather(images, rows), -1, Height, Width, Channels)
	return batch, graph.InsertAxes(graph.Gather(labels, rows), -1)
}

// Steps returns the number of batches in an epoch; the last may be smaller.
func (l *Loader) Steps() int { return l.data.Batches(l.batchSize) }

// Iter yields one pass in the stored order: batches of uint8 images [batch, 32, 32, 3] with int32 labels [batch, 1].
func (l *Loader) Iter() iter.Seq2[train.Batch, error] {
	order := make([]int32, l.data.Len())
	for i := range order {
		order[i] = int32(i)
	}
	return l.batches(order, 0)
}

// Epoch yields the shuffled batches of one epoch, starting at batch number from. The order and the augmentation depend only
// on the seed and the epoch, so a resumed run sees the same batches as an uninterrupted one.
func (l *Loader) Epoch(epoch, from int) iter.Seq2[train.Batch, error] {
	p := l.plan(epoch)
	if p.transforms != nil {
		return l.augmented(p, from)
	}
	return l.batches(p.order, from)
}

func (l *Loader) plan(epoch int) *plan {
	if l.last != nil && l.last.epoch == epoch {
		return l.last
	}
	rng := rand.New(rand.NewPCG(l.seed, uint64(epoch)))
	p := &plan{epoch: epoch, order: make([]int32, l.data.Len())}
	for i, index := range rng.Perm(len(p.order)) {
		p.order[i] = int32(index)
	}
	if l.augment != (Augment{}) {
		p.transforms = l.augment.transforms(l.data.Len(), l.seed, epoch)
	}
	l.last = p
	return p
}

func (l *Loader) batches(order []int32, from int) iter.Seq2[train.Batch, error] {
	return l.each(order, from, func(_ []int32, t *tensors.Tensor) (images, labels *tensors.Tensor, err error) {
		return l.gather.Call2(l.images, l.labels, t)
	})
}

// each yields the batches that start at batch number from; pick gets the indices of a batch, also as a tensor.
func (l *Loader) each(order []int32, from int, pick func([]int32, *tensors.Tensor) (images, labels *tensors.Tensor, err error)) iter.Seq2[train.Batch, error] {
	return func(yield func(train.Batch, error) bool) {
		for start := from * l.batchSize; start < len(order); start += l.batchSize {
			indices := order[start:min(start+l.batchSize, len(order))]
			t := tensors.FromFlatDataAndDimensions(indices, len(indices))
			images, labels, err := pick(indices, t)
			t.MustFinalizeAll()
			if err != nil {
				yield(train.Batch{}, fmt.Errorf("cifar: gathering images %d to %d of %s: %w", start, start+len(indices)-1, l.data.Split, err))
				return
			}
			if !yield(train.Batch{Inputs: []*tensors.Tensor{images}, Labels: []*tensors.Tensor{labels}}, nil) {
				return
			}
		}
	}
}

// Finalize frees the memory of the split on the device.
func (l *Loader) Finalize() {
	l.images.MustFinalizeAll()
	l.labels.MustFinalizeAll()
	l.gather.Finalize()
	if l.gatherAugmented != nil {
		l.gatherAugmented.Finalize()
	}
}
