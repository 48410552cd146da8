package cifar

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"
)

// Augment says how training images are moved about, so that an epoch does not show the pixels of the one before. The
// zero value leaves them as they are.
type Augment struct {
	// Flip mirrors images left to right. "random" tosses a coin for each image in each epoch. "alternate" tosses one
	// for each image before the first epoch, and from then on turns every image round from epoch to epoch, so that any
	// two epochs in a row show both sides of each (Jordan 2024, arXiv:2404.00498). "" mirrors none.
	Flip string `json:"flip,omitempty"`
	// Shift moves each image up to so many pixels up or down and left or right, each distance as likely as the others.
	// What comes in at a border is the image mirrored there. (With 4 this is the usual random crop from an image that was
	// padded by 4.)
	Shift int `json:"shift,omitempty"`
}

// Validate says what is wrong with the choice.
func (a Augment) Validate() error {
	if a.Flip != "" && a.Flip != "random" && a.Flip != "alternate" {
		return fmt.Errorf("cifar: flip is %q, want \"random\", \"alternate\" or \"\"", a.Flip)
	}
	if a.Shift < 0 || a.Shift > Width/2 {
		return fmt.Errorf("cifar: shift is %d, want 0 to %d pixels", a.Shift, Width/2)
	}
	return nil
}

// moves draws flip (0 or 1), dy and dx for each of n images. They follow from the seed and the epoch's number alone, like
// the order of the images, but come from another stream of numbers.
func (a Augment) moves(n int, seed uint64, epoch int) []int32 {
	coins := rand.New(rand.NewPCG(^seed, uint64(epoch)))
	if a.Flip == "alternate" {
		coins = rand.New(rand.NewPCG(^seed, 0))
	}
	shifts := rand.New(rand.NewPCG(^seed, ^uint64(epoch)))
	out := make([]int32, 0, 3*n)
	for range n {
		flip := int32(0)
		if a.Flip != "" {
			flip = coins.Int32N(2)
		}
		if a.Flip == "alternate" {
			flip ^= int32(epoch % 2)
		}
		out = append(out, flip, shifts.Int32N(int32(2*a.Shift+1))-int32(a.Shift), shifts.Int32N(int32(2*a.Shift+1))-int32(a.Shift))
	}
	return out
}

// Augment makes Epoch change the images from now on.
func (l *Loader) Augment(a Augment) error {
	if err := a.Validate(); err != nil {
		return err
	}
	l.augment = a
	if l.gatherMoved != nil || a == (Augment{}) {
		return nil
	}
	var err error
	l.gatherMoved, err = graph.NewExec(l.backend, gatherMoved)
	if err != nil {
		return fmt.Errorf("cifar: building the graph that augments a batch: %w", err)
	}
	return nil
}

// gatherMoved picks the images of a batch from all of them, pixel by pixel: images [n, 3072], labels [n],
// indices [batch], moves [batch, 3] (flip, dy, dx) to images [batch, 32, 32, 3] and labels [batch, 1].
func gatherMoved(images, labels, indices, moves *graph.Node) (*graph.Node, *graph.Node) {
	g, batch := images.Graph(), indices.Shape().Dim(0)
	move := func(i int) *graph.Node { return graph.Slice(moves, graph.AxisRange(), graph.AxisElem(i)) } // [batch, 1]
	at := graph.Iota(g, shapes.Make(dtypes.Int32, batch, Width), 1)                                     // [batch, 32]: 0, 1, … 31
	mirrored := graph.Sub(graph.Scalar(g, dtypes.Int32, Width-1), at)
	column := graph.Add(graph.Mul(move(0), mirrored), graph.Mul(graph.Sub(graph.Scalar(g, dtypes.Int32, 1), move(0)), at))
	rows, columns := reflected(graph.Add(at, move(1))), reflected(graph.Add(column, move(2)))

	start := graph.Reshape(graph.MulScalar(indices, Height*Width), batch, 1, 1)
	pixel := graph.Add(start, graph.Add(graph.InsertAxes(graph.MulScalar(rows, Width), 2), graph.InsertAxes(columns, 1))) // [batch, 32, 32]
	pixels := graph.Reshape(images, -1, Channels)
	return graph.Gather(pixels, graph.InsertAxes(pixel, -1)), graph.InsertAxes(graph.Gather(labels, graph.InsertAxes(indices, -1)), -1)
}

// reflected mirrors positions beyond a border back into the image: -1 is 1, 32 is 30.
func reflected(i *graph.Node) *graph.Node {
	last := graph.Scalar(i.Graph(), i.DType(), Width-1)
	return graph.Sub(last, graph.Abs(graph.Sub(last, graph.Abs(i))))
}

// augmented are the batches of an epoch with their images moved.
func (l *Loader) augmented(order []int32, epoch, from int) iter.Seq2[train.Batch, error] {
	all := l.augment.moves(l.data.Len(), l.seed, epoch)
	return l.each(order, from, func(indices []int32, t *tensors.Tensor) (images, labels *tensors.Tensor, err error) {
		moves := make([]int32, 0, 3*len(indices))
		for _, i := range indices {
			moves = append(moves, all[3*i:3*i+3]...)
		}
		m := tensors.FromFlatDataAndDimensions(moves, len(indices), 3)
		defer m.MustFinalizeAll()
		return l.gatherMoved.Call2(l.images, l.labels, t, m)
	})
}
