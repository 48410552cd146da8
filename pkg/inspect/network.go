// Package inspect looks inside a ResNet and its training: logits in both modes of batch norm, feature maps, Grad-CAM, filters,
// gradients, dead weights, and what an optimizer does to a single weight.
package inspect

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
)

// Network is a ResNet with its weights.
type Network struct {
	resnet.Config
	Store   *model.Store
	Backend compute.Backend
}

// New returns an untrained network with weights drawn from the seed.
func New(b compute.Backend, c resnet.Config, seed uint64) (Network, error) {
	store := model.NewStore()
	return Network{c, store, b}, c.Init(store, seed)
}

// Mode is one of the two modes of a network with batch norm.
type Mode bool

const (
	// Evaluation normalises with the running statistics: each image is independent of the others.
	Evaluation Mode = false
	// Training normalises with the statistics of the batch and updates the running ones.
	Training Mode = true
)

// String returns "training" or "evaluation".
func (m Mode) String() string {
	if m == Training {
		return "training"
	}
	return "evaluation"
}

// Logits returns the logits [n][classes] of images given as bytes [n, 32, 32, 3]. Normalise turns the bytes into the network's
// input; cifar10.Normalize is the chapter's.
func (n Network) Logits(pixels []uint8, mode Mode, normalise func(images *graph.Node) *graph.Node) ([][]float32, error) {
	images, err := imageTensor(pixels)
	if err != nil {
		return nil, err
	}
	out, err := model.CallOnceN(n.Backend, n.Store, func(s *model.Scope, x *graph.Node) *graph.Node {
		s.Store().SetTraining(x.Graph(), bool(mode))
		return n.Config.Logits(s, normalise(x))
	}, images)
	if err != nil {
		return nil, fmt.Errorf("inspect: logits of %d images: %w", len(pixels)/cifar10.ImageSize, err)
	}
	return out[0].Value().([][]float32), nil
}

// Maps returns the feature maps of one image in evaluation mode: after the stem and after each of the four stages.
func (n Network) Maps(pixels []uint8) ([]Map, error) {
	out, err := n.look("feature maps", pixels, func(maps []*graph.Node) []*graph.Node { return maps })
	if err != nil {
		return nil, err
	}
	var maps []Map
	for _, t := range out {
		maps = append(maps, t.Value().([][][][]float32)[0])
	}
	return maps, nil
}

// look returns what of the images' feature maps, in evaluation mode, is chosen in the graph; what names it, for the error.
func (n Network) look(what string, pixels []uint8, choose func(maps []*graph.Node) []*graph.Node) ([]*tensors.Tensor, error) {
	images, err := imageTensor(pixels)
	if err != nil {
		return nil, err
	}
	out, err := model.CallOnceN(n.Backend, n.Store, func(s *model.Scope, x *graph.Node) []*graph.Node {
		s.Store().SetTraining(x.Graph(), false)
		logits, maps := n.LogitsAndMaps(s, cifar10.Normalize(x))
		return append(choose(maps), logits) // the pure-Go backend fails if a graph's last nodes are not among its outputs
	}, images)
	if err != nil {
		return nil, fmt.Errorf("inspect: %s: %w", what, err)
	}
	return out[:len(out)-1], nil
}

// Map is a feature map: [row][column][channel].
type Map [][][]float32

// Channel returns one channel of the map, [row][column].
func (m Map) Channel(c int) [][]float64 {
	out := make([][]float64, len(m))
	for y, row := range m {
		for _, at := range row {
			out[y] = append(out[y], float64(at[c]))
		}
	}
	return out
}

// Largest returns the largest value in some channels of the map.
func (m Map) Largest(channels []int) float64 {
	largest := math.Inf(-1)
	for _, c := range channels {
		for _, row := range m.Channel(c) {
			largest = max(largest, slices.Max(row))
		}
	}
	return largest
}

// GradCAM returns a map [row][column] of where in an image the network sees a class (Selvaraju et al. 2017): each channel of a
// feature map is weighted with the mean gradient of the class's logit, and negative sums count as zero. Stage 0 is the stem, 1
// to 4 are the residual stages.
func (n Network) GradCAM(pixels []uint8, class, stage int) (heat [][]float64, err error) {
	images, err := imageTensor(pixels)
	if err != nil {
		return nil, err
	}
	params := n.Params()
	classes := params[len(params)-1].Dims[0] // of fc.bias
	if class < 0 || class >= classes || stage < 0 || stage > 4 {
		return nil, fmt.Errorf("inspect: Grad-CAM of class %d after stage %d: want classes 0 to %d and stages 0 to 4", class, stage, classes-1)
	}
	out, err := model.CallOnceN(n.Backend, n.Store, func(s *model.Scope, x *graph.Node) *graph.Node {
		s.Store().SetTraining(x.Graph(), false)
		logits, maps := n.LogitsAndMaps(s, cifar10.Normalize(x))
		score := graph.ReduceAllSum(graph.Slice(logits, graph.AxisRange(), graph.AxisElem(class)))
		return Heat(score, maps, stage)
	}, images)
	if err != nil {
		return nil, fmt.Errorf("inspect: Grad-CAM: %w", err)
	}
	for _, row := range out[0].Value().([][][]float32)[0] {
		heat = append(heat, nil)
		for _, v := range row {
			heat[len(heat)-1] = append(heat[len(heat)-1], float64(v))
		}
	}
	return heat, nil
}

// Heat is GradCAM as a graph: a class's logit, a scalar, and the feature maps of one image give the heat [1, height, width] after a
// stage.
func Heat(score *graph.Node, maps []*graph.Node, stage int) *graph.Node {
	weight := graph.ReduceAndKeep(graph.Gradient(score, maps[stage])[0], graph.ReduceMean, 1, 2)
	return graph.MaxScalar(graph.ReduceSum(graph.Mul(weight, maps[stage]), 3), 0)
}

func imageTensor(pixels []uint8) (*tensors.Tensor, error) {
	n := len(pixels) / cifar10.ImageSize
	if n == 0 || n*cifar10.ImageSize != len(pixels) {
		return nil, fmt.Errorf("inspect: got %d bytes of images, want a positive multiple of %d (32×32×3)", len(pixels), cifar10.ImageSize)
	}
	return tensors.FromFlatDataAndDimensions(pixels, n, cifar10.Height, cifar10.Width, cifar10.Channels), nil
}

// FirstKernels returns the kernels of the first layer: for each output channel the tables [row][column] of its red, green and
// blue input. A network of images with other channels is an error.
func (n Network) FirstKernels() ([][3][][]float64, error) {
	p := n.Params()[0]
	values, err := nn.Values(n.Store, p)
	if err != nil {
		return nil, err
	}
	k, in, out := p.Dims[0], p.Dims[2], p.Dims[3]
	if in != 3 {
		return nil, fmt.Errorf("inspect: the first layer of %s has %d input channels: want 3, red, green and blue", n.Config, in)
	}
	kernels := make([][3][][]float64, out)
	for i, v := range values { // [row, column, in, out]
		row, c, o := i/(k*in*out), i/out%in, i%out
		table := &kernels[o][c]
		if len(*table) == row {
			*table = append(*table, nil)
		}
		(*table)[row] = append((*table)[row], float64(v))
	}
	return kernels, nil
}

// Perturb replaces each value v of a variable by factor·v + offset, to test whether a comparison of two networks finds it.
func (n Network) Perturb(variable string, factor, offset float32) error {
	i := slices.IndexFunc(n.Params(), func(p nn.Param) bool { return p.Name == variable })
	if i < 0 {
		return fmt.Errorf("inspect: %s has no variable %q", n.Config, variable)
	}
	p := n.Params()[i]
	values, err := nn.Values(n.Store, p)
	if err != nil {
		return err
	}
	for i := range values {
		values[i] = factor*values[i] + offset
	}
	return nn.SetValues(n.Store, p, values)
}

// MostActive returns the n channels with the largest sums, the largest first, and the number of channels that are zero
// everywhere.
func (m Map) MostActive(n int) (channels []int, silent int) {
	sums := make([]float64, len(m[0][0]))
	for _, row := range m {
		for _, at := range row {
			for c, v := range at {
				sums[c] += float64(v)
			}
		}
	}
	for _, sum := range sums {
		if sum == 0 {
			silent++
		}
	}
	return metrics.TopK(sums, n), silent
}

// Features returns the numbers of each image, [n][512], that the last layer turns into logits: the mean of each channel after the
// last stage, in evaluation mode.
func (n Network) Features(pixels []uint8) ([][]float32, error) {
	what := fmt.Sprintf("features of %d images", len(pixels)/cifar10.ImageSize)
	out, err := n.look(what, pixels, func(maps []*graph.Node) []*graph.Node {
		return []*graph.Node{graph.ReduceMean(maps[len(maps)-1], 1, 2)}
	})
	if err != nil {
		return nil, err
	}
	return out[0].Value().([][]float32), nil
}
