package resnet

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// maxPool is the stem's 3×3 pool with stride 2 and padding 1: [batch, 16, 16, c] to [batch, 8, 8, c]. It
// comes behind a ReLU, so padding with zeros is padding with nothing. It is the largest of three shifted
// copies, once for rows and once for columns, because XLA's pool spends fifteen times as long on its
// gradient on the CPU as on itself.
func maxPool(x *Node) *Node {
	size := x.Shape().Dim(1)
	out := (size-1)/2 + 1
	pad := compute.PadAxis{Start: 1, End: 1}
	x = Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, pad, pad, compute.PadAxis{})
	rows := func(i int) *Node { return Slice(x, AxisRange(), window(i, out, 2)) }
	x = Max(Max(rows(0), rows(1)), rows(2)) // [batch, 8, 18, c]
	columns := func(j int) *Node { return Slice(x, AxisRange(), AxisRange(), window(j, out, 2)) }
	return Max(Max(columns(0), columns(1)), columns(2))
}
