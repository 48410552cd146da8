package lab

import (
	"fmt"
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// Network is a ResNet with its weights, to look inside.
type Network struct {
	resnet.Config
	Store   *model.Store
	Backend compute.Backend
}

// Fresh is an untrained network, its weights drawn from the seed.
func (l *Lab) Fresh(c resnet.Config, seed uint64) (Network, error) {
	store := model.NewStore()
	return Network{c, store, l.Backend}, c.Init(store, seed)
}

// Mode is one of the two ways in which a network with batch norm computes.
type Mode bool

const (
	// Evaluation normalises with the running statistics: each image for itself.
	Evaluation Mode = false
	// Training normalises with the statistics of the batch, and moves the running ones.
	Training Mode = true
)

// String is "training" or "evaluation".
func (m Mode) String() string {
	if m == Training {
		return "training"
	}
	return "evaluation"
}

// Logits gives the network's answer to images [n, 32, 32, 3] in bytes: n rows of one number a class. Normalise
// turns the bytes into the network's input; cifar.Normalize is the chapter's.
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
		return nil, fmt.Errorf("lab: logits of %d images: %w", len(pixels)/cifar.ImageSize, err)
	}
	return out[0].Value().([][]float32), nil
}

// Maps are the feature maps of one image in evaluation mode: behind the stem, and behind each of the four stages.
func (n Network) Maps(pixels []uint8) ([]Map, error) {
	images, err := imageTensor(pixels)
	if err != nil {
		return nil, err
	}
	out, err := model.CallOnceN(n.Backend, n.Store, func(s *model.Scope, x *graph.Node) []*graph.Node {
		s.Store().SetTraining(x.Graph(), false)
		logits, maps := n.LogitsAndMaps(s, cifar.Normalize(x))
		return append(maps, logits) // the pure-Go backend fails where a graph's last nodes are not asked for
	}, images)
	if err != nil {
		return nil, fmt.Errorf("lab: feature maps: %w", err)
	}
	var maps []Map
	for _, t := range out[:len(out)-1] {
		maps = append(maps, t.Value().([][][][]float32)[0])
	}
	return maps, nil
}

// Map holds the values of a feature map: [row][column][channel].
type Map [][][]float32

// Channel is one channel of the map, [row][column].
func (m Map) Channel(c int) [][]float64 {
	out := make([][]float64, len(m))
	for y, row := range m {
		for _, at := range row {
			out[y] = append(out[y], float64(at[c]))
		}
	}
	return out
}

// GradCAM says where in an image the network finds a class (Selvaraju et al. 2017): each channel of a feature map
// counts as much as the class's logit rises with it on average, and what speaks against the class counts as
// nothing. Stage is 0 for the stem's map, 1 to 4 for the stages'; the heat is [row][column].
func (n Network) GradCAM(pixels []uint8, class, stage int) (heat [][]float64, err error) {
	images, err := imageTensor(pixels)
	if err != nil {
		return nil, err
	}
	if class < 0 || class >= n.NumClasses || stage < 0 || stage > 4 {
		return nil, fmt.Errorf("lab: Grad-CAM of class %d behind stage %d: want classes 0 to %d and stages 0 to 4", class, stage, n.NumClasses-1)
	}
	out, err := model.CallOnceN(n.Backend, n.Store, func(s *model.Scope, x *graph.Node) *graph.Node {
		s.Store().SetTraining(x.Graph(), false)
		logits, maps := n.LogitsAndMaps(s, cifar.Normalize(x))
		score := graph.ReduceAllSum(graph.Slice(logits, graph.AxisRange(), graph.AxisElem(class)))
		weight := graph.ReduceAndKeep(graph.Gradient(score, maps[stage])[0], graph.ReduceMean, 1, 2)
		return graph.MaxScalar(graph.ReduceSum(graph.Mul(weight, maps[stage]), 3), 0)
	}, images)
	if err != nil {
		return nil, fmt.Errorf("lab: Grad-CAM: %w", err)
	}
	for _, row := range out[0].Value().([][][]float32)[0] {
		heat = append(heat, nil)
		for _, v := range row {
			heat[len(heat)-1] = append(heat[len(heat)-1], float64(v))
		}
	}
	return heat, nil
}

func imageTensor(pixels []uint8) (*tensors.Tensor, error) {
	n := len(pixels) / cifar.ImageSize
	if n == 0 || n*cifar.ImageSize != len(pixels) {
		return nil, fmt.Errorf("lab: %d bytes of images, want a positive multiple of %d (32×32×3)", len(pixels), cifar.ImageSize)
	}
	return tensors.FromFlatDataAndDimensions(pixels, n, cifar.Height, cifar.Width, cifar.Channels), nil
}

// Losses is the cross-entropy of each image: what Evaluate averages.
func Losses(logits [][]float32, labels []uint8) []float64 {
	losses := make([]float64, len(logits))
	for i, row := range logits {
		losses[i] = -math.Log(runner.Softmax(row)[labels[i]])
	}
	return losses
}

// RowSpread is the standard deviation of the logits within an image, averaged over the images as variances are.
func RowSpread(logits [][]float32) float64 {
	sum := 0.0
	for _, row := range logits {
		values := make([]float64, len(row))
		for i, v := range row {
			values[i] = float64(v)
		}
		_, sd := Spread(values)
		sum += sd * sd / float64(len(logits))
	}
	return math.Sqrt(sum)
}

// FirstKernels are the kernels of the first layer, for each output channel the tables [row][column] of its red, green
// and blue input.
func (n Network) FirstKernels() ([][3][][]float64, error) {
	p := n.Params()[0]
	values, err := nn.Values(n.Store, p)
	if err != nil {
		return nil, err
	}
	k, in, out := p.Dims[0], p.Dims[2], p.Dims[3]
	if in != 3 {
		return nil, fmt.Errorf("lab: the first layer of %s has %d input channels: want 3, red, green and blue", n.Config, in)
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

// Spoil multiplies the values of a variable, and adds to them, so that a comparison of two networks has something to find.
func (n Network) Spoil(variable string, by float64) error {
	for _, p := range n.Params() {
		if p.Name != variable {
			continue
		}
		v := n.Store.GetVariable(p.Path())
		values, err := nn.Values(n.Store, p)
		if err != nil {
			return err
		}
		for i := range values {
			values[i] = values[i]*float32(by) + float32(by)
		}
		return v.SetValue(tensors.FromFlatDataAndDimensions(values, p.Dims...))
	}
	return fmt.Errorf("lab: %s has no variable %q", n.Config, variable)
}

// Strongest are the n channels that respond most, the sum of their values being largest, and the number of channels that
// do not respond at all.
func (m Map) Strongest(n int) (channels []int, silent int) {
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
	return runner.Top(sums, n), silent
}
