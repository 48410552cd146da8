package fastnet

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// maxPool takes the maximum of each window of k×k; windows do not overlap, and what is left at the end counts for none:
// [batch, size, size, c] to [batch, size/k, size/k, c]. It is the largest of k shifted copies, once for rows and once for
// columns, because the gradient of XLA's own pool is slow on the CPU.
func maxPool(x *Node, k int) *Node {
	n := x.Shape().Dim(1) / k
	every := func(i int) SliceAxisSpec { return AxisRange(i, i+(n-1)*k+1).Stride(k) }
	for axis := 1; axis <= 2; axis++ {
		y := SliceAxis(x, axis, every(0))
		for i := 1; i < k; i++ {
			y = Max(y, SliceAxis(x, axis, every(i)))
		}
		x = y
	}
	return x
}

// padded adds a row of zeros below and a column of zeros on the right.
func padded(x *Node) *Node {
	end := compute.PadAxis{End: 1}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, end, end, compute.PadAxis{})
}
