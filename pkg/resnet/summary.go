package resnet

import (
	"fmt"
	"strings"

	"nndl.example/resnet18/pkg/nn"
)

// Layer is a row of a Summary.
type Layer struct {
	Name   string // torchvision's, e.g. "layer2.0.conv1"
	Kind   string // "convolution 3×3 /2, batch norm", "max pool 3×3 /2" …
	Output []int  // [height, width, channels] or [features] for one image
	Params int    // trainable parameters
	Stats  int    // running statistics, which are updated in training, but not by a gradient
	MACs   int64  // multiply-adds of convolutions and dense layers for one image; the rest is not counted, as in the literature
	Live   int    // trainable parameters that the data can reach: see Summary.Live
}

// Summary lists the layers of a network for images of one size.
type Summary struct {
	Model  string
	Layers []Layer
}

// Summary returns the summary of the network for 32×32 images.
func (c Config) Summary() Summary {
	c = c.withDefaults()
	s := Summary{Model: c.String()}
	add := func(cv conv) {
		kind := fmt.Sprintf("convolution %d×%d", cv.kernel, cv.kernel)
		if cv.stride > 1 {
			kind += fmt.Sprintf(" /%d", cv.stride)
		}
		weights := cv.kernel * cv.kernel * cv.in * cv.out
		first, last := nn.LiveKernelRange(cv.sizeIn, cv.sizeOut, cv.kernel, cv.stride)
		live := (last - first + 1) * (last - first + 1) * cv.in * cv.out
		s.Layers = append(s.Layers, Layer{
			Name: cv.name, Kind: kind + ", batch norm", Output: []int{cv.sizeOut, cv.sizeOut, cv.out},
			Params: weights + 2*cv.out, Stats: 2 * cv.out, Live: live + 2*cv.out,
			MACs: int64(weights) * int64(cv.sizeOut*cv.sizeOut),
		})
	}
	stem, pooled, blocks := c.architecture(32)
	add(stem)
	if pooled < stem.sizeOut {
		s.Layers = append(s.Layers, Layer{Name: "maxpool", Kind: "max pool 3×3 /2", Output: []int{pooled, pooled, 64}})
	}
	for _, b := range blocks {
		add(b.conv1)
		add(b.conv2)
		if b.projection != nil {
			add(*b.projection)
		}
	}
	s.Layers = append(s.Layers, Layer{Name: "avgpool", Kind: "global average pool", Output: []int{512}})
	weights := 512 * c.NumClasses
	params := weights + c.NumClasses
	s.Layers = append(s.Layers, Layer{Name: "fc", Kind: "dense", Output: []int{c.NumClasses}, Params: params, MACs: int64(weights), Live: params})
	return s
}

// total returns the sums over the layers.
func (s Summary) total() (t Layer) {
	for _, l := range s.Layers {
		t.Params, t.Stats, t.MACs, t.Live = t.Params+l.Params, t.Stats+l.Stats, t.MACs+l.MACs, t.Live+l.Live
	}
	return t
}

// Params returns the number of trainable parameters.
func (s Summary) Params() int { return s.total().Params }

// Stats returns the number of running statistics.
func (s Summary) Stats() int { return s.total().Stats }

// MACs returns the number of multiply-adds for one image.
func (s Summary) MACs() int64 { return s.total().MACs }

// Live returns the number of trainable parameters that any pixel can reach. Kernel positions that are outside the map at
// every output position, as eight of nine are on a 1×1 map, only ever multiply padding: the data's gradient for them is
// exactly zero.
func (s Summary) Live() int { return s.total().Live }

// String returns a table for a terminal or a notebook.
func (s Summary) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, for 32×32 images\n\n", s.Model)
	fmt.Fprintf(&b, "%-22s %-32s %-14s %12s %14s\n", "layer", "kind", "output", "parameters", "multiply-adds")
	for _, l := range s.Layers {
		dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(l.Output), " ", "×"), "[]")
		fmt.Fprintf(&b, "%-22s %-32s %-14s %12s %14s\n", l.Name, l.Kind, dims, thousands(int64(l.Params)), thousands(l.MACs))
	}
	fmt.Fprintf(&b, "%-22s %-32s %-14s %12s %14s\n", "total", "", "", thousands(int64(s.Params())), thousands(s.MACs()))
	fmt.Fprintf(&b, "\nBatch norm also keeps %s running statistics. The data reaches %s of the parameters (%.0f%%).\n",
		thousands(int64(s.Stats())), thousands(int64(s.Live())), 100*float64(s.Live())/float64(s.Params()))
	return b.String()
}

// thousands writes 11689512 as 11,689,512.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
