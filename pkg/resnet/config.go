package resnet

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/nn"
)

// Stem names the first layers of the network, those before the residual stages.
type Stem string

const (
	// ImageNetStem is the paper's, which the chapter trains: a 7×7 convolution with stride 2, then a 3×3 max pool with
	// stride 2. A 32×32 image enters the first stage as an 8×8 map.
	ImageNetStem Stem = "imagenet"
	// CIFARStem is one 3×3 convolution with stride 1 and no pool: the first stage gets 32×32 maps, for fifteen times
	// the work.
	CIFARStem Stem = "cifar"
)

// Stems returns the names of the stems. A new one needs a case in Config.architecture.
func Stems() []Stem { return []Stem{ImageNetStem, CIFARStem} }

// Config describes a ResNet-18, or a ResNet-34. The zero value is the chapter's library model.
type Config struct {
	Depth      int    `json:"depth"`              // layers with weights, 18 or 34; 0 means 18
	InChannels int    `json:"in_channels"`        // colour channels of the input; 0 means 3
	NumClasses int    `json:"num_classes"`        // length of the logits; 0 means 1000, as in Paddle and torchvision
	Plain      bool   `json:"plain"`              // leave the shortcuts out (the chapter's use_residual=False)
	Stem       Stem   `json:"stem"`               // "" means ImageNetStem
	BFloat16   bool   `json:"bfloat16,omitempty"` // convolve in bfloat16 (for GPUs); weights and batch norm stay float32
	Lowering   string `json:"-"`                  // how convolutions are computed, one of nn.Lowerings; "" picks by backend
}

// Library returns the model of the chapter's section 5.5.2, paddle.vision.models.resnet18(): 1,000 outputs.
func Library() Config { return Config{}.withDefaults() }

// Custom returns the model of the chapter's section 5.5.7, Model_ResNet18(in_channels, num_classes, use_residual).
func Custom(inChannels, numClasses int, useResidual bool) Config {
	return Config{InChannels: inChannels, NumClasses: numClasses, Plain: !useResidual}.withDefaults()
}

// Depths returns the numbers of layers for which the paper has basic blocks (He et al. 2015, Table 1).
func Depths() []int { return []int{18, 34} }

func (c Config) withDefaults() Config {
	if c.Depth == 0 {
		c.Depth = 18
	}
	if c.InChannels == 0 {
		c.InChannels = 3
	}
	if c.NumClasses == 0 {
		c.NumClasses = 1000
	}
	if c.Stem == "" {
		c.Stem = ImageNetStem
	}
	return c
}

// Validate returns an error that names the first invalid field.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case !slices.Contains(Depths(), c.Depth):
		return fmt.Errorf("resnet: Depth is %d, want one of %v", c.Depth, Depths())
	case c.InChannels < 1:
		return fmt.Errorf("resnet: InChannels is %d, want at least 1", c.InChannels)
	case c.NumClasses < 2:
		return fmt.Errorf("resnet: NumClasses is %d, want at least 2", c.NumClasses)
	case !slices.Contains(Stems(), c.Stem):
		return fmt.Errorf("resnet: Stem is %q, want one of %q", c.Stem, Stems())
	case c.Lowering != "" && !slices.Contains(nn.Lowerings(), c.Lowering):
		return fmt.Errorf("resnet: Lowering is %q, want one of %v", c.Lowering, nn.Lowerings())
	}
	return nil
}

// convolution returns the convolution that the network uses on a backend.
func (c Config) convolution(b compute.Backend) nn.Convolution {
	if c.BFloat16 {
		return nn.Conv2DBFloat16
	}
	return nn.ConvolutionFor(b, c.Lowering)
}

// String describes the network in one line, for logs and results.
func (c Config) String() string {
	c = c.withDefaults()
	name := fmt.Sprintf("ResNet-%d", c.Depth)
	if c.Plain {
		name = fmt.Sprintf("plain %d-layer network (no shortcuts)", c.Depth)
	}
	if c.BFloat16 {
		name += " in bfloat16"
	}
	return fmt.Sprintf("%s, %s stem, %d classes", name, c.Stem, c.NumClasses)
}

// stages are the four groups of basic blocks (He et al. 2015, Table 1).
var stages = [4]struct{ channels, stride int }{{64, 1}, {128, 2}, {256, 2}, {512, 2}}

// blocksPerStage returns the number of basic blocks in each stage (columns "18-layer" and "34-layer" of the table).
func (c Config) blocksPerStage() [4]int {
	if c.Depth == 34 {
		return [4]int{3, 4, 6, 3}
	}
	return [4]int{2, 2, 2, 2}
}

// conv describes one convolution of the network by its torchvision name.
type conv struct {
	name            string // e.g. "layer2.0.downsample.0"
	norm            string // the batch norm that follows it, e.g. "layer2.0.downsample.1"
	in, out         int    // channels
	kernel, stride  int
	sizeIn, sizeOut int // height = width of its input and output maps for a 32×32 image
}

// block is one basic block: two 3×3 convolutions and, where the shape changes, a 1×1 projection.
type block struct {
	name         string
	conv1, conv2 conv
	projection   *conv
	last         bool // of its stage
}

// architecture lists every convolution for images of the given height = width. If pooled, the size of the maps that enter the
// first stage, is smaller than the stem's output, a 3×3 max pool with stride 2 is between them.
func (c Config) architecture(size int) (stem conv, pooled int, blocks []block) {
	c = c.withDefaults()
	newConv := func(name, norm string, in, out, kernel, stride, size int) conv {
		return conv{name, norm, in, out, kernel, stride, size, (size-1)/stride + 1}
	}
	switch c.Stem {
	case CIFARStem:
		stem = newConv("conv1", "bn1", c.InChannels, 64, 3, 1, size)
		pooled = stem.sizeOut
	default:
		stem = newConv("conv1", "bn1", c.InChannels, 64, 7, 2, size)
		pooled = (stem.sizeOut-1)/2 + 1
	}
	in, s := 64, pooled
	for i, stage := range stages {
		n := c.blocksPerStage()[i]
		for j := range n {
			stride := 1
			if j == 0 {
				stride = stage.stride
			}
			name := fmt.Sprintf("layer%d.%d", i+1, j)
			b := block{name: name, last: j == n-1}
			b.conv1 = newConv(name+".conv1", name+".bn1", in, stage.channels, 3, stride, s)
			b.conv2 = newConv(name+".conv2", name+".bn2", stage.channels, stage.channels, 3, 1, b.conv1.sizeOut)
			if !c.Plain && (stride != 1 || in != stage.channels) {
				p := newConv(name+".downsample.0", name+".downsample.1", in, stage.channels, 1, stride, s)
				b.projection = &p
			}
			blocks = append(blocks, b)
			in, s = stage.channels, b.conv1.sizeOut
		}
	}
	return stem, pooled, blocks
}

// convs lists all convolutions for 32×32 images, in torchvision's order.
func (c Config) convs() []conv {
	stem, _, blocks := c.architecture(32)
	list := []conv{stem}
	for _, b := range blocks {
		list = append(list, b.conv1, b.conv2)
		if b.projection != nil {
			list = append(list, *b.projection)
		}
	}
	return list
}

// LiveKernelRanges returns, by name, the kernels of which 32×32 images reach only a part, each with the first and the last row (and
// column) that they reach: see Summary.Live.
func (c Config) LiveKernelRanges() map[string][2]int {
	live := map[string][2]int{}
	for _, cv := range c.convs() {
		if first, last := nn.LiveKernelRange(cv.sizeIn, cv.sizeOut, cv.kernel, cv.stride); last-first+1 < cv.kernel {
			live[cv.name+".weight"] = [2]int{first, last}
		}
	}
	return live
}
