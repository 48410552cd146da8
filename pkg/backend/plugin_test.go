//go:build linux && cgo && !noxla && (amd64 || arm64)

package backend

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/regularfile"
)

func compiler(t *testing.T) string {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	return cc
}

// A plugin with another interface is used without a cache, and without a call to a wrong function.
func TestTableOfAnotherVersionIsRefused(t *testing.T) {
	cc := compiler(t)
	for name, c := range map[string]struct {
		flags []string
		ok    bool
	}{
		"today's":          {[]string{"-DMAJOR=0", "-DMISSING=0", "-DNULL_AT=-1"}, true},
		"major version 1":  {[]string{"-DMAJOR=1", "-DMISSING=0", "-DNULL_AT=-1"}, false},
		"an older one":     {[]string{"-DMAJOR=0", "-DMISSING=800", "-DNULL_AT=-1"}, false},
		"without compile":  {[]string{"-DMAJOR=0", "-DMISSING=0", "-DNULL_AT=20"}, false},
		"without its name": {[]string{"-DMAJOR=0", "-DMISSING=0", "-DNULL_AT=-1", "-DGetPjrtApi=Get"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			library := filepath.Join(t.TempDir(), "plugin.so")
			out, err := exec.Command(cc, append(c.flags, "-shared", "-fPIC", "-o", library, "testdata/plugin.c")...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Equal(t, c.ok, loadTable(library) != nil)
		})
	}
	require.Nil(t, loadTable("/no/such/plugin.so"))
}

func TestPlacesMatchTheHeader(t *testing.T) {
	cc := compiler(t)
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/gomlx/go-xla").Output()
	if err != nil {
		t.Skipf("go-xla's source: %v", err)
	}
	header := filepath.Join(strings.TrimSpace(string(dir)), "pjrt", "pjrt_c_api.h")
	out, err := exec.Command(cc, "-fsyntax-only", "-DHEADER="+strconv.Quote(header), "testdata/places.c").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// buildSum builds testdata/sum; run returns what it prints.
func buildSum(t *testing.T, flags ...string) (run func(config string, env ...string) string) {
	if cpuPlugin() == "" {
		t.Skip("no plugin for the CPU")
	}
	program := filepath.Join(t.TempDir(), "sum")
	args := append([]string{"build", "-o", program}, append(flags, "./testdata/sum")...)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Skipf("go %v: %v\n%s", args, err, out)
	}
	return func(config string, env ...string) string {
		cmd := exec.Command(program, config)
		cmd.Env = append(os.Environ(), append([]string{"XDG_CACHE_HOME=" + t.TempDir()}, env...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
}

// The loader would wait for somebody to write to a FIFO.
func TestPluginIsFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plugin.so")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	t.Setenv(EnvPlugin, path)
	for _, config := range []string{"xla:cpu", "xla:" + path} {
		_, err := New(config, nil)
		require.ErrorIs(t, err, regularfile.ErrNotRegular)
	}
}

// A library of which the end is missing would end the process.
func TestTruncatedPlugin(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole.so")
	out, err := exec.Command(compiler(t), "-DMAJOR=0", "-DMISSING=0", "-DNULL_AT=-1", "-shared", "-fPIC", "-o", whole, "testdata/plugin.c").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, checkFile(whole))
	data, err := os.ReadFile(whole)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "plugin.so")
	for _, size := range []int{4096, len(data) / 2} {
		require.NoError(t, os.WriteFile(path, data[:size], 0o600))
		t.Setenv(EnvPlugin, path)
		for _, config := range []string{"xla:cpu", "xla:" + path} {
			_, err := New(config, nil)
			require.ErrorContains(t, err, fmt.Sprintf("PJRT plugin %s is truncated, it has %d bytes: ", path, size))
		}
	}
}

// What a plugin gets depends on its platform, not on its path.
func TestPluginAtAnyPath(t *testing.T) {
	run := buildSum(t)
	plugin, err := filepath.Abs(cpuPlugin())
	require.NoError(t, err)
	for _, folder := range []string{"engines", "cuda"} {
		path := filepath.Join(t.TempDir(), folder, "engine.so")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.Symlink(plugin, path))
		want := "XLA on the CPU; cached true; flags " + strconv.Quote(cpuFlags)
		require.Contains(t, run("xla:"+path, "XLA_FLAGS="), want, "asked for by its path") // go-xla may warn about a folder "cuda"
		require.Equal(t, want, run("xla:cpu", "XLA_FLAGS=", EnvPlugin+"="+path), "asked for as the CPU's")
	}
}

// The process may have any allocator, or a sanitizer.
func TestOtherAllocators(t *testing.T) {
	const want = "XLA on the CPU; cached true"
	t.Run("jemalloc", func(t *testing.T) {
		found, _ := filepath.Glob("/usr/lib/*/libjemalloc.so.2")
		if len(found) == 0 {
			t.Skip("libjemalloc2 is not installed")
		}
		require.Contains(t, buildSum(t)("xla:cpu", "LD_PRELOAD="+found[0]), want)
	})
	t.Run("address sanitizer", func(t *testing.T) {
		if os.Getenv("SANITIZER_TESTS") == "" {
			t.Skip("rebuilds the standard library: make crash")
		}
		require.Contains(t, buildSum(t, "-asan")("xla:cpu", "ASAN_OPTIONS=detect_leaks=0"), want)
	})
	t.Run("no pool", func(t *testing.T) {
		require.Contains(t, buildSum(t)("xla:cpu", "NNDL_NO_XLA_POOL=1"), want)
	})
}

func TestMakePrivate(t *testing.T) {
	dir := t.TempDir()
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.Mode().Perm()
	}
	fresh, wide, link, file := filepath.Join(dir, "a", "b"), filepath.Join(dir, "wide"), filepath.Join(dir, "link"), filepath.Join(dir, "file")
	require.NoError(t, makePrivate(fresh))
	require.EqualValues(t, 0o700, mode(fresh))
	program, own := filepath.Join(wide, strings.Repeat("0", 64)), filepath.Join(wide, "notes")
	for _, open := range []struct {
		mode os.FileMode
		left bool // what others could only read may be used
	}{{0o755, true}, {0o777, false}, {0o775, false}} {
		require.NoError(t, os.MkdirAll(wide, 0o777))
		require.NoError(t, os.WriteFile(program, nil, 0o600))
		require.NoError(t, os.WriteFile(own, nil, 0o600))
		require.NoError(t, os.Chmod(wide, open.mode))
		require.NoError(t, makePrivate(wide))
		require.EqualValues(t, 0o700, mode(wide))
		_, err := os.Stat(program)
		require.Equal(t, open.left, err == nil, "%v: %v", open.mode, err)
		require.FileExists(t, own)
	}
	require.NoError(t, os.Symlink(fresh, link))
	require.Error(t, makePrivate(link))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Error(t, makePrivate(file))
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(fresh, 12345, -1))
		require.ErrorContains(t, makePrivate(fresh), "owned by user 12345")
	}
}
