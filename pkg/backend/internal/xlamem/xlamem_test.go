//go:build linux && cgo && !noxla && (amd64 || arm64)

package xlamem

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var harms = []string{"resize", "usable size", "others", "overflow", "fork", "twice", "fit", "many", "kept", "full", "limit", "concurrent"}

// build compiles the pool with testdata's program, and a library whose calls it redirects.
func build(t *testing.T, flags ...string) (program, library string) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	dir := t.TempDir()
	program, library = filepath.Join(dir, "harm"), filepath.Join(dir, "library.so")
	for _, args := range [][]string{
		{"-shared", "-fPIC", "-o", library, "testdata/library.c"},
		{"-o", program, "testdata/harm.c", "attach.c", "pool.c", "-ldl", "-lpthread"},
	} {
		args = append([]string{"-O1", "-g", "-fno-builtin"}, append(flags, args...)...)
		if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
			require.NotEmpty(t, flags, "cc %v: %v\n%s", args, err, out)
			t.Skipf("cc %v: %v\n%s", args, err, out) // a compiler without this sanitizer
		}
	}
	return program, library
}

// check runs the cases; allocator is what the program reports: pool or malloc.
func check(t *testing.T, allocator, program, library string, env ...string) {
	for _, harm := range harms {
		t.Run(harm, func(t *testing.T) {
			if allocator == "malloc" && harm == "fork" && strings.Contains(strings.Join(env, ""), "ASAN") {
				t.Skip("AddressSanitizer's own allocator can hang in a child of several threads (GCC 12)")
			}
			cmd := exec.Command(program, library, harm)
			cmd.Env = append(os.Environ(), env...)
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if harm == "twice" {
				if allocator == "pool" {
					require.Error(t, err)
					require.Contains(t, string(out), "double free")
				}
				return // otherwise it is the allocator's
			}
			if allocator == "malloc" && (harm == "fit" || harm == "kept") {
				return // what another allocator keeps is its own choice
			}
			require.NoError(t, err)
			require.Contains(t, string(out), allocator+"\n")
			require.Contains(t, string(out), "done\n")
		})
	}
}

func TestHarm(t *testing.T) {
	program, library := build(t)
	check(t, "pool", program, library)
}

func TestHarmWithJemalloc(t *testing.T) {
	found, _ := filepath.Glob("/usr/lib/*/libjemalloc.so.2")
	if len(found) == 0 {
		t.Skip("libjemalloc2 is not installed")
	}
	program, library := build(t)
	check(t, "malloc", program, library, "LD_PRELOAD="+found[0])
}

func TestHarmWithAddressSanitizer(t *testing.T) {
	program, library := build(t, "-fsanitize=address")
	check(t, "malloc", program, library, "ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0")
}

func TestAttachNeedsALoadedLibrary(t *testing.T) {
	require.False(t, Attach("/no/such/library.so"))
	t.Setenv(EnvOff, "1")
	require.False(t, Attach("libc.so.6"))
}
