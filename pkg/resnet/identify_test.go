package resnet

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/safetensors"
)

// file is a file of weights with the given shapes, all zeros.
func file(t *testing.T, shapes map[string][]int) *safetensors.File {
	t.Helper()
	var all []safetensors.Tensor
	for name, shape := range shapes {
		size := 4
		for _, n := range shape {
			size *= n
		}
		all = append(all, safetensors.Tensor{Name: name, DType: "F32", Shape: shape, Data: make([]byte, size)})
	}
	var b bytes.Buffer
	require.NoError(t, safetensors.Write(&b, all, nil))
	f, err := safetensors.Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	return f
}

// The shapes are PyTorch's: kernels [out, in, h, w], dense weights [out, in].
func TestIdentify(t *testing.T) {
	t.Parallel()
	stem, small, projection := []int{64, 3, 7, 7}, []int{64, 3, 3, 3}, []int{128, 64, 1, 1}
	for name, test := range map[string]struct {
		shapes map[string][]int
		want   Config
		ok     bool
	}{
		"library":     {map[string][]int{"fc.weight": {1000, 512}, "conv1.weight": stem, "layer2.0.downsample.0.weight": projection}, Library(), true},
		"ten outputs": {map[string][]int{"module.fc.weight": {10, 512}, "module.conv1.weight": stem, "module.layer2.0.downsample.0.weight": projection}, Config{NumClasses: 10}, true},
		"plain":       {map[string][]int{"fc.weight": {10, 512}, "conv1.weight": stem}, Config{NumClasses: 10, Plain: true}, true},
		"CIFAR stem":  {map[string][]int{"fc.weight": {10, 512}, "conv1.weight": small, "layer2.0.downsample.0.weight": projection}, Config{NumClasses: 10, Stem: CIFARStem}, true},
		"ResNet-34": {map[string][]int{"fc.weight": {10, 512}, "conv1.weight": stem, "layer2.0.downsample.0.weight": projection, "layer1.2.conv1.weight": {64, 64, 3, 3}},
			Config{NumClasses: 10, Depth: 34}, true},
		"ResNet-50": {shapes: map[string][]int{"fc.weight": {10, 2048}, "conv1.weight": stem, "layer2.0.downsample.0.weight": {512, 256, 1, 1}, "layer1.2.conv1.weight": {64, 256, 1, 1}}},
		"no values": {shapes: map[string][]int{"fc.weight": {1e12, 0}, "conv1.weight": stem}},
		"no stem":   {shapes: map[string][]int{"fc.weight": {10, 512}}},
		"no head":   {shapes: map[string][]int{"conv1.weight": stem}},
	} {
		got, ok := Identify(file(t, test.shapes))
		require.Equal(t, test.ok, ok, name)
		if ok {
			require.Equal(t, test.want.withDefaults(), got, name)
		}
	}
}
