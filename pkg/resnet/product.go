package resnet

import (
	. "github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/backend"
)

// product is the matrix product a·w of a [rows, k] and w [k, columns], with its two gradients written in
// the order of factors that XLA's CPU code is fast at. Its matrix kernels pack a transposed large factor
// slowly; transposing the small ones, the output's gradient and the result, costs less. A GPU does without.
func product(a, w *Node) *Node {
	return productAgain(a, w, func(*Node) *Node { return a })
}

// productAgain is product for a large a that is not kept for the gradient of w: again makes it once more, after dy, the
// output's gradient, is there.
func productAgain(a, w *Node, again func(dy *Node) *Node) *Node {
	if backend.IsGPU(a.Graph().Backend()) {
		return MatMul(a, w)
	}
	return withGradient([]*Node{a, w}, func(in []*Node) *Node {
		return MatMul(in[0], in[1])
	}, func(in []*Node, dy *Node) []*Node {
		a, w := in[0], in[1]
		rows := a.Shape().Dim(0)
		var da *Node // nil: the gradient that GoMLX derives
		if rows <= 128 {
			da = transposed(MatMul(w, transposed(dy))) // dy·wᵀ = (w·dyᵀ)ᵀ
		}
		a = again(dy)
		if rows >= 1024 && rows <= 8192 {
			return []*Node{da, transposed(MatMul(transposed(dy), a))} // aᵀ·dy = (dyᵀ·a)ᵀ
		}
		return []*Node{da, DotGeneral(a, []int{0}, nil, dy, []int{0}, nil)}
	})
}

// transposed is a transposed copy in two halves: XLA would fold a plain transposition into the product
// that uses it, which is what product avoids.
func transposed(x *Node) *Node {
	half := x.Shape().Dim(0) / 2
	if half == 0 {
		return Transpose(x, 0, 1)
	}
	return Concatenate([]*Node{
		Transpose(Slice(x, AxisRange(0, half)), 0, 1), Transpose(Slice(x, AxisRange(half)), 0, 1)}, 1)
}
