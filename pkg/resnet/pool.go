package resnet

import . "github.com/gomlx/gomlx/core/graph"

// maxPool is the stem's 3×3 pool with stride 2 and one row of padding: [batch, 16, 16, c] to [batch, 8, 8, c].
func (n network) maxPool(x *Node) *Node {
	return MaxPool(x).Window(3).Strides(2).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
}
