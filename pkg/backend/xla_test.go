//go:build cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/go-xla/pjrt"
	"github.com/stretchr/testify/require"
)

// why is what the fallback's line says.
const why = "XLA on the CPU: backend \"xla:/no/such/plugin.so\" does not start"

func TestMissingPlugin(t *testing.T) {
	t.Setenv(EnvPlugin, "/no/such/plugin.so")
	_, err := New("xla:cpu", nil)
	require.ErrorContains(t, err, `backend "xla:/no/such/plugin.so" does not start`)

	text := filepath.Join(t.TempDir(), "text.so")
	require.NoError(t, os.WriteFile(text, []byte("no library"), 0o600))
	_, err = New("xla:"+text, nil)
	require.ErrorContains(t, err, text)
}

// A missing plugin gives one line.
func TestNoSuchPlugin(t *testing.T) {
	for config, want := range map[string]string{
		"xla:tpu9":             `no PJRT plugin "tpu9", found: [`,
		"xla:/no/such.so":      "PJRT plugin: stat /no/such.so: no such file or directory",
		"xla:" + os.TempDir():  os.TempDir() + " is a directory: not a regular file",
		"xla:no-such,tf32=off": `no PJRT plugin "no-such"`,
	} {
		_, err := New(config, nil)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "\n")
	}
	if !hasGPU() && !slices.ContainsFunc(xla.GetAvailablePlugins(), pjrt.IsCUDAName) {
		_, err := New("xla:cuda", nil)
		require.ErrorContains(t, err, `no PJRT plugin "cuda" (and no NVIDIA GPU: there is no /dev/nvidiactl)`)
	}
}

func TestHasGPU(t *testing.T) {
	for _, test := range []struct {
		files []string
		want  bool
	}{
		{nil, false},
		{[]string{"dev/nvidiactl"}, true},
		{[]string{"dev/dxg"}, false}, // WSL2 with another vendor's card
		{[]string{"usr/lib/wsl/lib/libcuda.so.1"}, false},
		{[]string{"dev/dxg", "usr/lib/wsl/lib/libcuda.so.1"}, true},
	} {
		root := t.TempDir()
		for _, name := range test.files {
			path := filepath.Join(root, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, nil, 0o644))
		}
		require.Equal(t, test.want, hasGPUUnder(root), test.files)
	}
}

func TestXLAOnCPU(t *testing.T) {
	b, err := New("xla:cpu", nil)
	if err != nil {
		t.Skipf("XLA does not start: %v", firstLine(err))
	}
	defer b.Finalize()
	require.Equal(t, "XLA on the CPU", Describe(b))
	require.False(t, IsPureGo(b))
	require.False(t, IsGPU(b))
}

// The plugin of $PJRT_CPU_PLUGIN comes first, then the wheel in the .venv of the project that contains $GONB_DIR
// or the working folder.
func TestPluginIsFound(t *testing.T) {
	root := filepath.Join(t.TempDir(), "course [1]*") // no pattern, a name
	wheel := filepath.Join(root, ".venv/lib/python3.12/site-packages/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so")
	below := filepath.Join(root, "notebooks", "deep")
	require.NoError(t, os.MkdirAll(filepath.Dir(wheel), 0o700))
	require.NoError(t, os.MkdirAll(below, 0o700))
	require.NoError(t, os.WriteFile(wheel, nil, 0o600))

	t.Setenv(EnvPlugin, "")
	t.Setenv("GONB_DIR", below)
	require.Equal(t, wheel, cpuPlugin())
	require.Equal(t, "xla:"+wheel, normalise("xla:cpu"))
	require.Equal(t, "xla:"+wheel+",preallocate=true", normalise("xla:cpu,preallocate=true"))
	if hasGPU() {
		require.Equal(t, "xla", normalise("xla"))
		require.Equal(t, "xla:cuda", xlaCandidates()[0].config)
	} else {
		require.Equal(t, "xla:"+wheel, normalise("xla"))
		require.Equal(t, []candidate{{"xla:" + wheel, "XLA on the CPU"}}, xlaCandidates())
	}

	t.Setenv("GONB_DIR", "")
	t.Chdir(below)
	found, err := filepath.EvalSymlinks(cpuPlugin())
	require.NoError(t, err)
	want, err := filepath.EvalSymlinks(wheel)
	require.NoError(t, err)
	require.Equal(t, want, found)

	t.Setenv(EnvPlugin, "/elsewhere.so")
	require.Equal(t, "/elsewhere.so", cpuPlugin())

	t.Setenv(EnvPlugin, "engine.so")
	require.Equal(t, filepath.Join(below, "engine.so"), cpuPlugin(), "a relative path")

	t.Setenv(EnvPlugin, "")
	t.Chdir("/")
	require.Empty(t, cpuPlugin())
	require.Equal(t, "xla:cpu", xlaCandidates()[len(xlaCandidates())-1].config, "GoMLX's installer")
}
