package parity

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
)

// TestStateDict compares names, shapes and order with those of torchvision's resnet18().state_dict().
func TestStateDict(t *testing.T) {
	var f struct{ Tensors [][3]any }
	fixture(t, "state-dict", &f)
	params := resnet.Library().Params()
	for _, tensor := range f.Tensors {
		name, dtype := tensor[0].(string), tensor[1].(string)
		if strings.HasSuffix(name, ".num_batches_tracked") {
			continue
		}
		require.Equal(t, "torch.float32", dtype, name)
		var shape []int
		for _, d := range tensor[2].([]any) {
			shape = append(shape, int(d.(float64)))
		}
		require.Equal(t, name, params[0].Name)
		require.Equal(t, shape, params[0].TorchDims(), name)
		params = params[1:]
	}
	require.Empty(t, params)
}

// copyFirstOutputs copies weights to a network with fewer outputs.
func copyFirstOutputs(t *testing.T, to *model.Store, narrow resnet.Config, from *model.Store, wide resnet.Config) {
	sources := wide.Params()
	for i, p := range narrow.Params() {
		values, err := nn.Values(from, sources[i])
		require.NoError(t, err)
		last := len(p.Dims) - 1
		var copied []float32
		for row := range slices.Chunk(values, sources[i].Dims[last]) {
			copied = append(copied, row[:p.Dims[last]]...)
		}
		require.NoError(t, nn.SetValues(to, p, copied))
	}
}

// TestLibraryIsCustom: with the same weights the library's and the custom model compute the same ten logits
// and the same running statistics. No batch-norm weight of the formula is 0 or 1, so a wrong one shows.
func TestLibraryIsCustom(t *testing.T) {
	onBackends(t, "go", func(t *testing.T, b compute.Backend) {
		library, custom := resnet.Library(), resnet.Custom(cifar.Channels, cifar.NumClasses, true)
		from, to := network(t, library), model.NewStore()
		defer from.Finalize()
		defer to.Finalize()
		copyFirstOutputs(t, to, custom, from, library)
		const n = 16
		for _, training := range []bool{false, true} {
			x, y := logits(t, b, from, library, n, training), logits(t, b, to, custom, n, training)
			largest := 0.0
			for i := range y {
				largest = max(largest, math.Abs(float64(y[i]-x[i/10*1000+i%10])))
			}
			t.Logf("training %v: largest |difference| of %d logits: %g", training, len(y), largest)
			require.Less(t, largest, 1e-5)
		}
		statistics := slices.DeleteFunc(custom.Params(), func(p nn.Param) bool { return p.Trainable })
		require.NotEmpty(t, statistics)
		want, got := inTorchLayout(t, from, statistics), inTorchLayout(t, to, statistics)
		for _, p := range statistics {
			require.InDeltaSlice(t, want[p.Name], got[p.Name], 1e-5, p.Name)
		}
	})
}
