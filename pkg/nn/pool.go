package nn

import . "github.com/gomlx/gomlx/core/graph"

// MaxPoolStem applies the 3×3 max pool with stride 2 and padding 1 of ResNet's stem: [batch, 16, 16, c] to [batch, 8, 8, c]. Its
// input must be the output of a ReLU: it pads with zeros, which then never win.
func MaxPoolStem(x *Node) *Node {
	return MaxPool2D(ZeroPad(x, 1, 1), 3, 2)
}

// MaxPool2D takes the maximum of each k×k window, without padding; rows and columns that do not fill a window are
// dropped: x [batch, size, size, c] to [batch, out, out, c] with out = (size-k)/stride + 1. It is the largest of k shifted
// copies, once for rows and once for columns: on a CPU XLA's own pool takes fifteen times as long for its gradient as
// for itself.
func MaxPool2D(x *Node, k, stride int) *Node {
	out := (x.Shape().Dim(1)-k)/stride + 1
	for axis := 1; axis <= 2; axis++ {
		largest := SliceAxis(x, axis, strided(0, out, stride))
		for i := 1; i < k; i++ {
			largest = Max(largest, SliceAxis(x, axis, strided(i, out, stride)))
		}
		x = largest
	}
	return x
}
