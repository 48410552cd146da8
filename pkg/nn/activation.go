package nn

import . "github.com/gomlx/gomlx/core/graph"

// ReLU returns max(x, 0). Its gradient takes one comparison; that of GoMLX's Max multiplies by two signs.
func ReLU(x *Node) *Node {
	zero := ScalarZero(x.Graph(), x.DType())
	return withGradient([]*Node{x}, func(in []*Node) *Node {
		return Max(in[0], zero)
	}, func(in []*Node, dy *Node) []*Node {
		return []*Node{Where(GreaterThan(in[0], zero), dy, zero)}
	})
}
