//go:build linux && cgo && !noxla && amd64

package backend

// #include "awake.h"
import "C"

import (
	"runtime"
	"strings"
	"sync"

	"github.com/gomlx/compute"
)

// StayAwake keeps the idle cores of a virtual machine busy until stop is called, for a loop that computes with XLA on the
// CPU. XLA's threads sleep between two operations, a thousand times a step; a core of a virtual machine that sleeps goes back to
// the host, and comes back late. Steps take 3 to 15 % less with it (bench/README.md). PyTorch's threads (OpenMP) spin
// while they wait. On other machines, and where the process has a share of the cores only, it does nothing.
func StayAwake(b compute.Backend) (stop func()) {
	if IsPureGo(b) || IsGPU(b) || !isVirtual() || runtime.GOMAXPROCS(0) < runtime.NumCPU() {
		return func() {}
	}
	return stayAwake()
}

func stayAwake() (stop func()) {
	C.awake_begin()
	return sync.OnceFunc(func() { C.awake_end() })
}

// isVirtual says whether the processor knows of a hypervisor.
func isVirtual() bool { return strings.Contains(strings.Join(processor(), ""), " hypervisor") }
