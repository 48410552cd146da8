package nn

import (
	. "github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/internal/kind"
)

// Linear returns the matrix product x·w of x [rows, k] and w [k, columns]. On a CPU its two gradients are computed in the
// order of factors that XLA runs fast: its matrix kernels pack a large transposed factor slowly, and transposing the small
// ones, the output's gradient and the result, costs less.
func Linear(x, w *Node) *Node {
	return matMulRematerialized(x, w, func(*Node) *Node { return x })
}

// matMulRematerialized is Linear for a large x that is not kept for the gradient of w: recompute builds it a second time in
// the backward pass, after dy, the output's gradient (rematerialization, Chen et al. 2016, arXiv:1604.06174).
func matMulRematerialized(x, w *Node, recompute func(dy *Node) *Node) *Node {
	if kind.IsGPU(x.Graph().Backend()) {
		return MatMul(x, w)
	}
	return withGradient([]*Node{x, w}, func(in []*Node) *Node {
		return MatMul(in[0], in[1])
	}, func(in []*Node, dy *Node) []*Node {
		x, w := in[0], in[1]
		rows := x.Shape().Dim(0)
		var dx *Node // nil: the gradient that GoMLX derives
		if rows <= 128 {
			dx = transposed(MatMul(w, transposed(dy))) // dy·wᵀ = (w·dyᵀ)ᵀ
		}
		x = recompute(dy)
		if rows >= 1024 && rows <= 8192 {
			return []*Node{dx, transposed(MatMul(transposed(dy), x))} // xᵀ·dy = (dyᵀ·x)ᵀ
		}
		return []*Node{dx, DotGeneral(x, []int{0}, nil, dy, []int{0}, nil)}
	})
}

// transposed returns a transposed copy, made in two halves: XLA would fold a plain transposition into the product that
// uses it, which is what Linear avoids.
func transposed(x *Node) *Node {
	half := x.Shape().Dim(0) / 2
	if half == 0 {
		return Transpose(x, 0, 1)
	}
	return Concatenate([]*Node{
		Transpose(Slice(x, AxisRange(0, half)), 0, 1), Transpose(Slice(x, AxisRange(half)), 0, 1)}, 1)
}
