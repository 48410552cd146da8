//go:build linux && cgo && !noxla && amd64

package backend

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Each core has one thread of the class SCHED_IDLE that runs from the first begin to the last stop.
func TestStayAwake(t *testing.T) {
	stop1, stop2 := stayAwake(), stayAwake()
	running := func(want int) {
		t.Helper()
		require.Eventually(t, func() bool { return spinning() == want }, time.Minute, time.Millisecond)
	}
	running(runtime.NumCPU())
	stop1()
	stop1() // as often as one likes
	running(runtime.NumCPU())
	stop2()
	running(0)
	stop := stayAwake()
	running(runtime.NumCPU())
	stop()
	running(0)
}

// spinning counts this process's threads of the class SCHED_IDLE, number 5, that run or wait for a core: see proc(5).
func spinning() (n int) {
	stats, _ := filepath.Glob("/proc/self/task/*/stat")
	for _, file := range stats {
		b, _ := os.ReadFile(file)
		_, fields, _ := strings.Cut(string(b), ") ") // from the third, the state, on
		f := strings.Fields(fields)
		if len(f) > 38 && f[0] == "R" && f[38] == "5" {
			n++
		}
	}
	return n
}
