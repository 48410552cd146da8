package backend

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strconv"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"
)

// TestMain keeps GoMLX from downloading a plugin where a test finds none.
func TestMain(m *testing.M) {
	os.Setenv("GOMLX_NO_AUTO_INSTALL", "1")
	os.Exit(m.Run())
}

func TestUnknownNames(t *testing.T) {
	for _, config := range []string{"nonsense", "tpu:0", "Go", " go", ":", ",", "xlacpu", "/lib/plugin.so"} {
		t.Run(config, func(t *testing.T) {
			var log bytes.Buffer
			b, err := New(config, &log)
			require.Nil(t, b)
			require.ErrorContains(t, err, "want one of go")
			require.ErrorContains(t, err, config)
			require.Empty(t, log.String(), "a backend that was asked for never falls back")
		})
	}
}

func TestBadOptions(t *testing.T) {
	_, err := New("go:no_such_option", nil)
	require.ErrorContains(t, err, `"go:no_such_option" does not start`)
}

func TestNormalise(t *testing.T) {
	t.Setenv(EnvPlugin, "")
	t.Setenv("GONB_DIR", t.TempDir())
	for config, want := range map[string]string{
		"go":                "go:ops_sequential",
		"go:parallelism=4":  "go:parallelism=4",
		"go:ops_sequential": "go:ops_sequential",
		"xla:cuda":          "xla:cuda",
		"xla:/lib/p.so":     "xla:/lib/p.so",
		"xla:cpu":           "xla:cpu",
	} {
		require.Equal(t, want, normalise(config), config)
	}
}

func TestPureGo(t *testing.T) {
	b, err := New("go", nil)
	require.NoError(t, err)
	defer b.Finalize()
	require.True(t, IsPureGo(b))
	require.False(t, IsGPU(b))
	require.Equal(t, "pure Go"+simdNote, Describe(b))
	sum, err := graph.CallOnce(b, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(x) }, []float32{1, 2, 3})
	require.NoError(t, err)
	require.Equal(t, float32(6), sum.Value())
}

func TestEnvironment(t *testing.T) {
	t.Run("go", func(t *testing.T) {
		t.Setenv(compute.ConfigEnvVar, "go")
		var log bytes.Buffer
		b, err := New("", &log)
		require.NoError(t, err)
		defer b.Finalize()
		require.True(t, IsPureGo(b))
		require.Empty(t, log.String())
	})
	t.Run("an argument comes first", func(t *testing.T) {
		t.Setenv(compute.ConfigEnvVar, "nonsense")
		b, err := New("go", nil)
		require.NoError(t, err)
		b.Finalize()
	})
	for _, config := range []string{"nonsense", "xla:/no/such/plugin.so"} {
		t.Run(config, func(t *testing.T) {
			t.Setenv(compute.ConfigEnvVar, config)
			var log bytes.Buffer
			_, err := New("", &log)
			require.ErrorContains(t, err, config)
			require.Empty(t, log.String(), "no fallback")
		})
	}
}

func TestDevices(t *testing.T) {
	b, err := New("go", nil)
	require.NoError(t, err)
	defer b.Finalize()
	require.Equal(t, Describe(b), DescribeDevices(b, 1))
	require.Equal(t, Describe(b)+", 2 devices", DescribeDevices(b, 2))

	defer PrepareDevices(1)
	t.Setenv(EnvThreads, "")
	PrepareDevices(1)
	require.Empty(t, os.Getenv(EnvThreads), "one device needs nothing")
	want := strconv.Itoa(max(runtime.NumCPU(), 2*maxVirtualDevices))
	PrepareDevices(1000)
	require.Equal(t, want, os.Getenv(EnvThreads))
	PrepareDevices(2)
	require.Equal(t, want, os.Getenv(EnvThreads), "what is set stays")
}

func TestVirtualDevices(t *testing.T) {
	defer PrepareDevices(1)
	t.Setenv(EnvThreads, "")
	for _, n := range []int{1, 3, maxVirtualDevices} {
		PrepareDevices(n)
		b, err := New("xla:cpu", nil)
		if err != nil {
			t.Skipf("XLA does not start: %v", firstLine(err))
		}
		require.Equal(t, n, int(b.NumDevices()))
		b.Finalize()
	}
}

func TestDefault(t *testing.T) {
	t.Setenv(compute.ConfigEnvVar, "nonsense")
	_, err := Default()
	require.Error(t, err)
	t.Setenv(compute.ConfigEnvVar, "go")
	first, err := Default()
	require.NoError(t, err, "a failure is not kept")
	t.Setenv(compute.ConfigEnvVar, "nonsense")
	second, err := Default()
	require.NoError(t, err)
	require.True(t, first == second, "one backend for the program")
}

func TestFirstLine(t *testing.T) {
	require.Equal(t, "one", firstLine(errors.New("one\ntwo\nthree")))
	require.Equal(t, "one", firstLine(errors.New("one")))
}

// Without XLA, be it not compiled in or not startable, New falls back and says so in one line.
func TestFallback(t *testing.T) {
	if hasGPU() {
		t.Skip("XLA may start on the GPU")
	}
	t.Setenv(compute.ConfigEnvVar, "")
	t.Setenv(EnvPlugin, "/no/such/plugin.so")
	var log bytes.Buffer
	b, err := New("", &log)
	require.NoError(t, err)
	defer b.Finalize()
	require.True(t, IsPureGo(b))
	require.Regexp(t, `^XLA did not start \(.+\); using pure Go, which is .+ slower\n$`, log.String())
	require.Contains(t, log.String(), why)

	quiet, err := New("", nil)
	require.NoError(t, err, "no log, no line")
	quiet.Finalize()
}
