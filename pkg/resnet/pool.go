package resnet

import . "github.com/gomlx/gomlx/core/graph"

// maxPool is the stem's 3×3 pool with stride 2 and padding 1: [batch, 16, 16, c] to [batch, 8, 8, c]. It
// comes behind a ReLU, so padding with zeros is padding with nothing.
func maxPool(x *Node) *Node {
	return PoolMax(zeroBorder(x, 1, 1), 3, 2)
}

// PoolMax takes the maximum of each k×k window, without padding; what is left at the end counts for none: x [batch, size,
// size, c] to [batch, out, out, c] with out = (size-k)/stride + 1. It is the largest of k shifted copies, once for rows and
// once for columns, because XLA's pool spends fifteen times as long on its gradient on the CPU as on itself.
func PoolMax(x *Node, k, stride int) *Node {
	out := (x.Shape().Dim(1)-k)/stride + 1
	for axis := 1; axis <= 2; axis++ {
		largest := SliceAxis(x, axis, window(0, out, stride))
		for i := 1; i < k; i++ {
			largest = Max(largest, SliceAxis(x, axis, window(i, out, stride)))
		}
		x = largest
	}
	return x
}
