// Package badinput checks what every bad file must give: an error that says what is wrong with it, at little cost. The
// tests of the packages that read files use it, and "make bad" lists what they gave to whom and the errors.
package badinput

import (
	"fmt"
	"path"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// limit is the most that a bad file may cost, in bytes.
const limit = 500 << 20

// Refused has a bad file read and wants an error that contains all the given texts: the file's name and the cause. Memory
// is counted for the whole process, so nothing else may run in it at the same time. It returns how many bytes it took.
func Refused(t *testing.T, kind string, read func() error, want ...string) (allocated uint64) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := read()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	for _, text := range want {
		require.ErrorContains(t, err, text)
	}
	allocated = after.TotalAlloc - before.TotalAlloc
	require.Less(t, allocated, uint64(limit))
	Log(t, kind, fmt.Sprintf("(%d MB, %.1f s) %v", allocated>>20, took.Seconds(), err))
	return allocated
}

// Log puts a line into the list of bad files: what kind it was, the test's name for it, and what was said about it.
func Log(t *testing.T, kind, said string) {
	t.Helper()
	t.Logf("bad %s, %s: %s", kind, strings.ReplaceAll(path.Base(t.Name()), "_", " "), said)
}
