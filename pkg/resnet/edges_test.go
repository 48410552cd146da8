package resnet

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/safetensors"
)

// TestSpecialLowerings calls Winograd and the dense way at every kind of size that they take, also where
// matmulConvolution prefers another way.
func TestSpecialLowerings(t *testing.T) {
	b := start(t, "go")
	winograd := func(x, kernel *graph.Node, _ int) *graph.Node { return winogradConvolution(x, kernel) }
	dense := func(x, kernel *graph.Node, _ int) *graph.Node { return denseConvolution(x, kernel) }
	for _, c := range []struct {
		name         string
		convolve     convolution
		size, kernel int
	}{
		{"winograd", winograd, 2, 3}, {"winograd", winograd, 4, 3}, {"winograd", winograd, 14, 3},
		{"dense", dense, 1, 3}, {"dense", dense, 2, 3}, {"dense", dense, 4, 7},
	} {
		t.Run(fmt.Sprintf("%s/%d×%d on %d×%d", c.name, c.kernel, c.kernel, c.size, c.size), func(t *testing.T) {
			lower := func(f convolution) func([]*graph.Node) *graph.Node {
				return func(in []*graph.Node) *graph.Node { return f(in[0], in[1], 1) }
			}
			requireSame(t, b, lower(nativeConvolution), lower(c.convolve), []int{3, c.size, c.size, 5},
				random(3, c.size, c.size, 4), random(c.kernel, c.kernel, 4, 5))
		})
	}
}

// TestLoweringIsChosen: matrix products on every backend without a GPU, and what Config.Lowering says.
func TestLoweringIsChosen(t *testing.T) {
	b := start(t, "go")
	require.Equal(t, []string{"matmul", "native"}, Lowerings())
	same := func(f, g convolution) bool { return fmt.Sprintf("%p", f) == fmt.Sprintf("%p", g) }
	require.True(t, same(matmulConvolution, Config{}.lowering(b)))
	require.True(t, same(nativeConvolution, Config{Lowering: "native"}.lowering(b)))
}

func TestConfigString(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ResNet-18, imagenet stem, 1000 classes", Config{}.String())
	require.Equal(t, "plain 18-layer network (no shortcuts), cifar stem, 10 classes", Config{NumClasses: 10, Plain: true, Stem: CIFARStem}.String())
}

// TestInitKeepsWhatIsThere: Init fills in what is missing and leaves the rest, say loaded weights.
func TestInitKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	c := Custom(3, 2, true)
	store := model.NewStore()
	require.NoError(t, setValues(store, Param{"fc.bias", []int{2}, true}, []float32{5, 6}))
	require.NoError(t, c.Init(store, 1))
	require.Equal(t, []float32{5, 6}, values(t, c, store, "fc.bias"))
	require.Equal(t, len(c.Params()), store.NumVariables())
}

// TestLogitsErrors: the graph builder's panics come out of Exec as errors that say what is wrong.
func TestLogitsErrors(t *testing.T) {
	b := start(t, "go")
	c := Custom(3, 10, true)
	store := initialised(t, c, 1)
	for name, test := range map[string]struct {
		store *model.Store
		dims  []int
		want  string
	}{
		"without Init":    {model.NewStore(), []int{1, 32, 32, 3}, `"conv1.weight" is not in the store: call Config.Init first`},
		"channels":        {store, []int{1, 32, 32, 1}, "[1, 32, 32, 1]"},
		"channels first":  {store, []int{1, 3, 32, 32}, "[1, 3, 32, 32]"},
		"not a square":    {store, []int{1, 32, 16, 3}, "[1, 32, 16, 3]"},
		"without a batch": {store, []int{32, 32, 3}, "32 32 3"},
	} {
		t.Run(name, func(t *testing.T) {
			exec, err := model.NewExec(b, test.store, c.Logits)
			require.NoError(t, err)
			_, err = exec.Call1(random(test.dims...))
			require.ErrorContains(t, err, test.want)
		})
	}
}

// TestBadWeightsKeepStore: where the last tensor is bad, the first is not set either.
func TestBadWeightsKeepStore(t *testing.T) {
	t.Parallel()
	params := []Param{{"a.weight", []int{2, 3}, true}, {"a.bias", []int{2}, true}}
	store := model.NewStore()
	for _, p := range params {
		_, err := store.CreateVariable(p.Path(), tensors.FromFlatDataAndDimensions(initialValues(p, 1), p.Dims...))
		require.NoError(t, err)
		require.NoError(t, setValues(store, p, ones(p)))
	}
	data := bytes.Repeat([]byte{1}, 24)
	for name, bias := range map[string]safetensors.Tensor{
		"shape": {Name: "a.bias", DType: "F32", Shape: []int{3}, Data: data[:12]},
		"dtype": {Name: "a.bias", DType: "F16", Shape: []int{2}, Data: data[:4]},
		"name":  {Name: "a.shift", DType: "F32", Shape: []int{2}, Data: data[:8]},
	} {
		var file bytes.Buffer
		require.NoError(t, safetensors.Write(&file, []safetensors.Tensor{{Name: "a.weight", DType: "F32", Shape: []int{3, 2}, Data: data}, bias}, nil))
		f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
		require.NoError(t, err)
		require.ErrorContains(t, ReadWeights(f, store, params), `"a.bias"`, name)
		for _, p := range params {
			got, err := Values(store, p)
			require.NoError(t, err)
			require.Equal(t, ones(p), got, name)
		}
	}
}

// TestCountersArePassedOver: PyTorch's files hold num_batches_tracked, which this network has no use for.
func TestCountersArePassedOver(t *testing.T) {
	t.Parallel()
	params := []Param{{"bn1.bias", []int{2}, true}}
	var file bytes.Buffer
	require.NoError(t, safetensors.Write(&file, []safetensors.Tensor{
		{Name: "bn1.bias", DType: "F32", Shape: []int{2}, Data: []byte{0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40}},
		{Name: "bn1.num_batches_tracked", DType: "I64", Data: make([]byte, 8)},
	}, nil))
	f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	store := model.NewStore()
	require.NoError(t, ReadWeights(f, store, params))
	got, err := Values(store, params[0])
	require.NoError(t, err)
	require.Equal(t, []float32{3, 4}, got)
}

// ones are values that no bad file holds.
func ones(p Param) []float32 {
	v := make([]float32, p.Size())
	for i := range v {
		v[i] = 1
	}
	return v
}
