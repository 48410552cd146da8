package resnet

import (
	"slices"
	"strings"

	"nndl.example/resnet18/pkg/safetensors"
)

// Identify returns the network that a file of weights belongs to, by the shapes of its tensors. ok is false if these do not
// determine it.
func Identify(f *safetensors.File) (c Config, ok bool) {
	const head = "fc.weight"
	i := slices.IndexFunc(f.Names(), func(name string) bool { return strings.HasSuffix(name, head) })
	if i < 0 {
		return c, false
	}
	prefix := strings.TrimSuffix(f.Names()[i], head) // such as "module."
	fc, _ := f.Entry(prefix + head)
	stem, _ := f.Entry(prefix + "conv1.weight")
	_, projection := f.Entry(prefix + "layer2.0.downsample.0.weight")
	if len(fc.Shape) != 2 || fc.Shape[1] != 512 || len(stem.Shape) != 4 { // ResNet-50 and deeper have 2,048 features
		return c, false
	}
	c = Config{NumClasses: fc.Shape[0], Plain: !projection}.withDefaults()
	if _, deeper := f.Entry(prefix + "layer1.2.conv1.weight"); deeper {
		c.Depth = 34
	}
	if stem.Shape[2] == 3 {
		c.Stem = CIFARStem
	}
	return c, c.Validate() == nil
}
