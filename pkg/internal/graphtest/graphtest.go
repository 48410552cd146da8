// Package graphtest runs the graphs of several packages' tests on every available backend.
package graphtest

import (
	"fmt"
	"math"
	"os"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
)

// Tensors of two backends do not mix, so each backend is started once.
var backends = map[string]func() (compute.Backend, error){
	"go":  sync.OnceValues(func() (compute.Backend, error) { return backend.New("go", nil) }),
	"xla": sync.OnceValues(func() (compute.Backend, error) { return backend.New("xla:cpu", nil) }),
	"gpu": sync.OnceValues(func() (compute.Backend, error) { return backend.New("xla:cuda,tf32=false", nil) }),
}

// OnEach runs a test on pure Go, on XLA if it starts, and, with $GPU_TESTS set, on a GPU. There $NVIDIA_TF32_OVERRIDE=0 keeps
// cuDNN's convolutions in float32: in TF32 no two lowerings agree to 1e-4.
func OnEach(t *testing.T, test func(t *testing.T, b compute.Backend)) {
	names := []string{"go", "xla"}
	if os.Getenv("GPU_TESTS") != "" {
		names = append(names, "gpu")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) { test(t, Start(t, name)) })
	}
}

// Start returns the backend "go", "xla" or "gpu". If XLA does not start, it skips the test.
func Start(t *testing.T, name string) compute.Backend {
	t.Helper()
	b, err := backends[name]()
	if name == "xla" && err != nil {
		t.Skipf("XLA does not start here (make setup installs its plugin): %v", err)
	}
	require.NoError(t, err)
	return b
}

// Random returns numbers in [-1, 1), the same at every call with the same dimensions.
func Random(dims ...int) *tensors.Tensor { return Seeded(0, dims...) }

// Seeded is Random with other numbers for each seed.
func Seeded(seed uint32, dims ...int) *tensors.Tensor {
	n := 1
	for _, d := range dims {
		n *= d
	}
	values := make([]float32, n)
	state := uint32(n) ^ seed
	for i := range values {
		state = state*1664525 + 1013904223
		values[i] = float32(int32(state)) / (1 << 31)
	}
	return tensors.FromFlatDataAndDimensions(values, dims...)
}

// Call runs a graph once.
func Call(t *testing.T, b compute.Backend, fn func(in []*graph.Node) []*graph.Node, in ...*tensors.Tensor) []*tensors.Tensor {
	t.Helper()
	exec, err := graph.NewExec(b, fn)
	require.NoError(t, err)
	defer exec.Finalize()
	args := make([]any, len(in))
	for i, x := range in {
		args[i] = x
	}
	out, err := exec.Call(args...)
	require.NoError(t, err)
	return out
}

// RequireSame requires two functions to agree, and their gradients for all inputs, to 1e-4 of the largest value. The loss is
// the sum of the output weighted with fixed random numbers.
func RequireSame(t *testing.T, b compute.Backend, want, got func(in []*graph.Node) *graph.Node, outDims []int, in ...*tensors.Tensor) {
	t.Helper()
	both := func(nodes []*graph.Node) []*graph.Node {
		in, weights := nodes[:len(nodes)-1], nodes[len(nodes)-1]
		var out []*graph.Node
		for _, f := range []func([]*graph.Node) *graph.Node{want, got} {
			y := f(in)
			y.AssertDims(outDims...)
			out = append(append(out, y), graph.Gradient(graph.ReduceAllSum(graph.Mul(y, weights)), in...)...)
		}
		var errors []*graph.Node
		half := len(out) / 2
		for i := range half {
			largest := graph.ReduceAllMax(graph.Abs(out[i]))
			errors = append(errors, graph.Div(graph.ReduceAllMax(graph.Abs(graph.Sub(out[i], out[half+i]))), largest))
		}
		return errors
	}
	for i, e := range Call(t, b, both, append(in, Seeded(12345, outDims...))...) {
		what := "the output"
		if i > 0 {
			what = fmt.Sprint("the gradient for input ", i-1)
		}
		require.Less(t, tensors.ToScalar[float32](e), float32(1e-4), "relative error of "+what)
	}
}

// Distance is |a-b| / |a|, with the Euclidean norm.
func Distance(a, b []float32) float64 {
	var difference, size float64
	for i := range a {
		difference += math.Pow(float64(a[i]-b[i]), 2)
		size += math.Pow(float64(a[i]), 2)
	}
	return math.Sqrt(difference / size)
}
