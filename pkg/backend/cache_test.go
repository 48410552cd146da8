//go:build linux && cgo && !noxla && (amd64 || arm64)

package backend

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"
)

// useCache gives the test an empty cache that keeps every program.
func useCache(t *testing.T) compute.Backend {
	b, err := New("xla:cpu", nil)
	if err != nil {
		t.Skipf("XLA does not start: %v", firstLine(err))
	}
	t.Cleanup(b.Finalize)
	if cache.dir == "" {
		t.Skip("there is no cache: the plugin was not found as a file, or there is no cache folder")
	}
	dir, minimum := cache.dir, minCompileTime
	cache.dir, minCompileTime = filepath.Join(t.TempDir(), "xla"), 0
	t.Cleanup(func() { cache.dir, minCompileTime = dir, minimum })
	return b
}

// sumOfSquares compiles x·x and returns it for (1, 2, 3): 14.
func sumOfSquares(t *testing.T, b compute.Backend) float32 {
	exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { return graph.ReduceAllSum(graph.Square(x)) })
	defer exec.Finalize()
	out, err := exec.Call1([]float32{1, 2, 3})
	require.NoError(t, err)
	return tensors.ToScalar[float32](out)
}

func cachedFiles(t *testing.T) (paths []string) {
	paths, err := filepath.Glob(filepath.Join(cache.dir, "*"))
	require.NoError(t, err)
	return paths
}

func TestProgramsAreCached(t *testing.T) {
	b := useCache(t)
	require.True(t, CachesPrograms(b))
	require.EqualValues(t, 14, sumOfSquares(t, b))
	files := cachedFiles(t)
	require.Len(t, files, 1)
	good, err := os.ReadFile(files[0])
	require.NoError(t, err)

	long := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(files[0], long, long))
	require.EqualValues(t, 14, sumOfSquares(t, b))
	info, err := os.Stat(files[0])
	require.NoError(t, err)
	require.Greater(t, info.ModTime(), long.Add(time.Minute), "the file was not used")
	again, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.Equal(t, good, again)

	flipped := slices.Clone(good)
	flipped[len(flipped)-9] ^= 1
	for name, damaged := range map[string][]byte{
		"empty":   {},
		"short":   good[:len(good)/2],
		"flipped": flipped,
		"foreign": []byte("this is not a program, but long enough to have a digest in front of it"),
	} {
		require.NoError(t, os.WriteFile(files[0], damaged, 0o600), name)
		require.EqualValues(t, 14, sumOfSquares(t, b), name)
		again, err := os.ReadFile(files[0])
		require.NoError(t, err, name)
		require.NotEqual(t, damaged, again, "%s: compiled again", name)
	}
	if os.Geteuid() == 0 { // a program with a right digest, left by another user when the folder was open to all
		require.NoError(t, os.Chown(files[0], 12345, -1))
		require.EqualValues(t, 14, sumOfSquares(t, b))
		info, err := os.Stat(files[0])
		require.NoError(t, err)
		require.Zero(t, info.Sys().(*syscall.Stat_t).Uid, "compiled again")
	}
	require.Equal(t, files, cachedFiles(t))
}

// A folder that cannot be written is no reason to stop.
func TestCacheWithoutFolder(t *testing.T) {
	b := useCache(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cache.dir = filepath.Join(file, "xla")
	require.EqualValues(t, 14, sumOfSquares(t, b))
}

func TestCacheFileFollowsWhatCompilingDependsOn(t *testing.T) {
	useCache(t)
	const id1, id2 = "98afcd12_23e8_4b73_8d90_33e27686c0a7", "92153ca3_445b_46dc_a2e9_98ba699e5cee"
	program := func(first, second, third string) []byte {
		return fmt.Appendf(nil, "%%a_%s, %%b_%s, %%c_%s", first, second, third)
	}
	want := cacheFile(program(id1, id2, id1), []byte("options"))
	require.Equal(t, want, cacheFile(program(id2, id1, id2), []byte("options")), "GoMLX's UUIDs change from process to process")
	require.NotEqual(t, want, cacheFile(program(id1, id2, id2), []byte("options")))
	require.NotEqual(t, want, cacheFile(program(id1, id2, id1), []byte("option")))
	require.NotEqual(t, cacheFile([]byte("ab"), []byte("c")), cacheFile([]byte("b"), []byte("ca")))
	identity := cache.identity
	t.Cleanup(func() { cache.identity = identity })
	cache.identity = []byte("another processor")
	require.NotEqual(t, want, cacheFile(program(id1, id2, id1), []byte("options")))
}

func TestOldestProgramsGo(t *testing.T) {
	useCache(t)
	require.NoError(t, os.MkdirAll(cache.dir, 0o700))
	for i := range maxCached + 3 {
		path, used := filepath.Join(cache.dir, fmt.Sprintf("%064x", i)), time.Now().Add(time.Duration(i-1000)*time.Minute)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chtimes(path, used, used))
	}
	foreign := filepath.Join(cache.dir, "notes.txt")
	require.NoError(t, os.WriteFile(foreign, nil, 0o600))
	require.NoError(t, os.Chtimes(foreign, time.Unix(0, 0), time.Unix(0, 0)))
	removeOldest()
	require.FileExists(t, foreign)
	require.NoError(t, os.Remove(foreign))
	require.Len(t, cachedFiles(t), maxCached)
	for i := range 3 {
		require.NoFileExists(t, filepath.Join(cache.dir, fmt.Sprintf("%064x", i)))
	}
}
