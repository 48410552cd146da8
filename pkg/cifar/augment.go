package cifar

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/train"
)

// Augment is the data augmentation of training images: random flips and shifts. The zero value augments nothing.
type Augment struct {
	// Flip mirrors images left to right. "random" flips each image with probability 1/2 in each epoch. "alternate" does so
	// in the first epoch and then mirrors each image again in every epoch, so any two consecutive epochs show both
	// orientations of each (Jordan 2024, arXiv:2404.00498). "" flips none.
	Flip string `json:"flip,omitempty"`
	// Shift moves each image vertically and horizontally by uniformly random numbers of pixels from -Shift to Shift, with
	// reflection at the border. (4 is the usual random crop after reflection padding by 4.)
	Shift int `json:"shift,omitempty"`
}

// Validate returns an error if a value is out of range.
func (a Augment) Validate() error {
	if a.Flip != "" && a.Flip != "random" && a.Flip != "alternate" {
		return fmt.Errorf("cifar: flip is %q, want \"random\", \"alternate\" or \"\"", a.Flip)
	}
	if a.Shift < 0 || a.Shift > Width/2 {
		return fmt.Errorf("cifar: shift is %d, want 0 to %d pixels", a.Shift, Width/2)
	}
	return nil
}

// transforms draws flip (0 or 1), dy and dx for each of n images. Like the order of the images, they depend only on the seed
// and the number of the epoch, but use another random stream.
func (a Augment) transforms(n int, seed uint64, epoch int) []int32 {
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

// Describe says what an epoch does to image i, for example "flip, 3 left, 1 up". A loader with the same seed does this.
func (a Augment) Describe(seed uint64, epoch, i int) string {
	m := a.transforms(i+1, seed, epoch)[3*i:]
	flip, up, left := m[0] == 1, m[1], m[2]
	var parts []string
	if flip {
		parts, left = append(parts, "flip"), -left // the columns are counted from the other side
	}
	shift := func(by int32, forward, backward string) {
		if by > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", by, forward))
		} else if by < 0 {
			parts = append(parts, fmt.Sprintf("%d %s", -by, backward))
		}
	}
	shift(left, "left", "right")
	shift(up, "up", "down")
	if len(parts) == 0 {
		return "unchanged"
	}
	return strings.Join(parts, ", ")
}

// Augment sets the augmentation that Epoch applies from now on.
func (l *Loader) Augment(a Augment) error {
	if err := a.Validate(); err != nil {
		return err
	}
	l.augment, l.last = a, nil
	if l.gatherAugmented != nil || a == (Augment{}) {
		return nil
	}
	var err error
	l.gatherAugmented, err = graph.NewExec(l.backend, gatherAugmented)
	if err != nil {
		return fmt.Errorf("cifar: building the graph that augments a batch: %w", err)
	}
	return nil
}

// gatherAugmented gathers the images of a batch pixel by pixel: images [n, 3072], labels [n], indices [batch], transforms
// [batch, 3] (flip, dy, dx) to images [batch, 32, 32, 3] and labels [batch, 1].
func gatherAugmented(images, labels, indices, transforms *graph.Node) (*graph.Node, *graph.Node) {
	g, batch := images.Graph(), indices.Shape().Dim(0)
	transform := func(i int) *graph.Node { // [batch, 1]
		return graph.Slice(transforms, graph.AxisRange(), graph.AxisElem(i))
	}
	constant := func(v int32) *graph.Node { return graph.Const(g, v) } // Scalar's would be shared between a loop and the graph around it
	at := graph.Iota(g, shapes.Make(dtypes.Int32, batch, Width), 1)    // [batch, 32]: 0, 1, … 31
	mirrored := graph.Sub(constant(Width-1), at)
	column := graph.Add(graph.Mul(transform(0), mirrored), graph.Mul(graph.Sub(constant(1), transform(0)), at))
	rows, columns := reflected(graph.Add(at, transform(1))), reflected(graph.Add(column, transform(2)))

	start := graph.Reshape(graph.Mul(indices, constant(Height*Width)), batch, 1, 1)
	pixel := graph.Add(start, graph.Add(graph.InsertAxes(graph.Mul(rows, constant(Width)), 2), graph.InsertAxes(columns, 1))) // [batch, 32, 32]
	pixels := graph.Reshape(images, -1, Channels)
	return graph.Gather(pixels, graph.InsertAxes(pixel, -1)), graph.InsertAxes(graph.Gather(labels, graph.InsertAxes(indices, -1)), -1)
}

// reflected maps positions outside the image back into it: -1 to 1, 32 to 30.
func reflected(i *graph.Node) *graph.Node {
	last := graph.Const(i.Graph(), int32(Width-1))
	return graph.Sub(last, graph.Abs(graph.Sub(last, graph.Abs(i))))
}

// augmented yields the augmented batches of an epoch.
func (l *Loader) augmented(p *plan, from int) iter.Seq2[train.Batch, error] {
	return l.each(p.order, from, func(indices []int32, t *tensors.Tensor) (images, labels *tensors.Tensor, err error) {
		transforms := make([]int32, 0, 3*len(indices))
		for _, i := range indices {
			transforms = append(transforms, p.transforms[3*i:3*i+3]...)
		}
		m := tensors.FromFlatDataAndDimensions(transforms, len(indices), 3)
		defer m.MustFinalizeAll()
		return l.gatherAugmented.Call2(l.images, l.labels, t, m)
	})
}
