// Package badinput checks in tests that a bad file gives an error that names the cause, at little cost. "make bad" lists the
// files and errors.
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

// limit is the memory that reading a bad file may allocate, in bytes.
const limit = 500 << 20

// Refused reads a bad file and fails unless the error contains all the given texts, such as the file's name and the cause.
// It returns the number of bytes allocated, which is counted for the whole process: do not run it in parallel.
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

// Log adds a line to the list of bad files: the kind, the name of the test and the error.
func Log(t *testing.T, kind, message string) {
	t.Helper()
	t.Logf("bad %s, %s: %s", kind, strings.ReplaceAll(path.Base(t.Name()), "_", " "), message)
}
