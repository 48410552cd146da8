package parity

import (
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
)

// envFixtures names a folder with fixtures to use instead of testdata.
const envFixtures = "PARITY_FIXTURES"

// thorough reports whether to run all comparisons on all backends, which takes some minutes.
func thorough() bool { return os.Getenv(envFixtures) != "" }

// fixture reads a result of PyTorch's into a struct.
func fixture(t testing.TB, name string, into any) {
	t.Helper()
	folder := os.Getenv(envFixtures)
	if folder == "" {
		folder = "testdata"
	}
	text, err := os.ReadFile(filepath.Join(folder, name+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into), name)
}

var backends = map[string]func() (compute.Backend, error){
	"go":  sync.OnceValues(func() (compute.Backend, error) { return backend.New("go", io.Discard) }),
	"xla": sync.OnceValues(func() (compute.Backend, error) { return backend.New("xla:cpu", io.Discard) }),
}

// onBackends runs a test on XLA, if that starts without a download, and on pure Go; only on those in always unless
// thorough. XLA's compiler takes longer than the computation on both.
func onBackends(t *testing.T, always string, test func(t *testing.T, b compute.Backend)) {
	for _, name := range []string{"xla", "go"} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(always, name) && !thorough() {
				t.Skip("takes a while: see \"make parity\"")
			}
			test(t, start(t, name))
		})
	}
}

func start(t testing.TB, name string) compute.Backend {
	t.Helper()
	if name == "xla" {
		wheel, _ := filepath.Glob("../../.venv/lib/python3*/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so")
		if os.Getenv(backend.EnvPlugin) == "" && len(wheel) == 0 {
			t.Skipf("needs XLA on the CPU: run \"make setup\", or set $%s to the path of its plugin", backend.EnvPlugin)
		}
	}
	b, err := backends[name]()
	require.NoError(t, err)
	return b
}

// batch puts n images of the formula and their labels into tensors.
func batch(n int) (pixels, labels *tensors.Tensor) {
	p, l := images(n)
	return tensors.FromFlatDataAndDimensions(p, n, cifar.Height, cifar.Width, cifar.Channels),
		tensors.FromFlatDataAndDimensions(l, n, 1)
}

func floats(t testing.TB, x *tensors.Tensor) []float32 {
	t.Helper()
	values, err := tensors.CopyFlatData[float32](x)
	require.NoError(t, err)
	return values
}

// apart returns the largest |a - b|; for relative ones it is divided by the largest |b|.
func apart(a, b []float64) (absolute, relative float64) {
	scale := 0.0
	for i := range b {
		absolute = max(absolute, math.Abs(a[i]-b[i]))
		scale = max(scale, math.Abs(b[i]))
	}
	return absolute, absolute / scale
}
