//go:build linux && cgo && !noxla && (amd64 || arm64)

package backend

import (
	"syscall"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"
)

// XLA's scratch memory, 100 MB here, is mapped once: new memory for each call would show as page faults.
func TestScratchMemoryIsKept(t *testing.T) {
	b, err := New("xla:cpu", nil)
	if err != nil {
		t.Skipf("XLA does not start: %v", firstLine(err))
	}
	defer b.Finalize()
	exec := graph.MustNewExec(b, func(x *graph.Node) *graph.Node { // [n] to a scalar, by a matrix of [n, n]
		column, row := graph.InsertAxes(x, 1), graph.InsertAxes(x, 0)
		return graph.ReduceAllSum(graph.MatMul(row, graph.Add(graph.Mul(column, row), column)))
	})
	defer exec.Finalize()
	const n = 5000
	x := make([]float32, n)
	call := func(times int) {
		for range times {
			_, err := exec.Call1(x)
			require.NoError(t, err)
		}
	}
	call(10)
	before := pageFaults()
	call(20)
	const pagesOfMatrix = n * n * 4 / 4096
	require.Less(t, pageFaults()-before, int64(pagesOfMatrix), "page faults of 20 calls")
}

func pageFaults() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Minflt
}
