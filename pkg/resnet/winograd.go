package resnet

import (
	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
)

// winogradConvolution computes a 3×3 convolution with stride 1 on maps of even size by Winograd's minimal
// filtering F(2×2, 3×3) (Lavin and Gray 2016, arXiv:1509.09308): each 2×2 tile of the output comes from a
// 4×4 tile of the input by 16 multiplications for each pair of channels in place of 36. The 16 are 16
// matrix products, of [tiles, in] and [in, out]; only additions stand before and behind:
//
//	Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//
// with g the kernel, d a tile of the input and, for one axis,
//
//	Bᵀd = (d0-d2, d1+d2, d2-d1, d1-d3)
//	G g = (g0, (g0+g1+g2)/2, (g0-g1+g2)/2, g2)
//	Aᵀm = (m0+m1+m2, m1-m2-m3)
//
// x [batch, size, size, in], kernel [3, 3, in, out] to [batch, size, size, out].
func winogradConvolution(x, kernel *Node) *Node {
	batch := x.Shape().Dim(0)
	var data, weights *Node // [16, tiles, in], [16, in, out]: kept for the gradients
	return withGradient([]*Node{x, kernel}, func(in []*Node) *Node {
		data, weights = winogradData(in[0]), winogradKernel(in[1])
		return winogradOutput(DotGeneral(data, []int{2}, []int{0}, weights, []int{1}, []int{0}), batch)
	}, func(in []*Node, dy *Node) []*Node {
		// The data's gradient is the same convolution with the kernel turned round and its channels swapped.
		dx := winogradOutput(DotGeneral(winogradData(dy), []int{2}, []int{0}, turned(weights), []int{2}, []int{0}), batch)
		dm := winogradTiles(dy, 0, outputTransposed)                       // [16, tiles, out]
		dg := DotGeneral(data, []int{1}, []int{0}, dm, []int{1}, []int{0}) // [16, in, out]
		return []*Node{dx, kernelTransposed(dg)}
	})
}

// turned makes G g Gᵀ of the kernel turned by 180° from that of the kernel: along each axis G (g2, g1, g0)
// is G g with the first and the last element swapped.
func turned(weights *Node) *Node {
	in, out := weights.Shape().Dim(1), weights.Shape().Dim(2)
	w := Reshape(weights, 4, 4, in, out)
	for axis := range 2 {
		e := func(i, j int) *Node { return SliceAxis(w, axis, AxisRange(i, j)) }
		w = Concatenate([]*Node{e(3, 4), e(1, 3), e(0, 1)}, axis)
	}
	return Reshape(w, 16, in, out)
}

// winogradData is Bᵀ d B for all tiles: x [batch, size, size, c] to [16, batch·(size/2)², c].
func winogradData(x *Node) *Node { return winogradTiles(x, 1, inputTransform) }

// winogradTiles pads x, transforms its rows and then its columns and stacks the 16 results.
func winogradTiles(x *Node, pad int, transform func(part func(i int) *Node) [4]*Node) *Node {
	batch, tiles, channels := x.Shape().Dim(0), x.Shape().Dim(1)/2, x.Shape().Dim(3)
	if pad > 0 {
		p := compute.PadAxis{Start: pad, End: pad}
		x = Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, p, p, compute.PadAxis{})
	}
	var stack []*Node
	for _, row := range transform(func(i int) *Node { return SliceAxis(x, 1, window(i, tiles, 2)) }) {
		for _, t := range transform(func(j int) *Node { return SliceAxis(row, 2, window(j, tiles, 2)) }) {
			stack = append(stack, Reshape(t, 1, batch*tiles*tiles, channels))
		}
	}
	return Concatenate(stack, 0)
}

// inputTransform is Bᵀ along an axis: d(i) is element i of every 4-wide tile.
func inputTransform(d func(i int) *Node) [4]*Node {
	return [4]*Node{Sub(d(0), d(2)), Add(d(1), d(2)), Sub(d(2), d(1)), Sub(d(1), d(3))}
}

// outputTransposed is A along an axis, the gradient of Aᵀ: d(i) is element i of every 2-wide tile.
func outputTransposed(d func(i int) *Node) [4]*Node {
	return [4]*Node{d(0), Add(d(0), d(1)), Sub(d(0), d(1)), Neg(d(1))}
}

// winogradKernel is G g Gᵀ: [3, 3, in, out] to [16, in, out].
func winogradKernel(kernel *Node) *Node {
	along := func(k *Node, axis int) *Node {
		g := func(i int) *Node { return SliceAxis(k, axis, AxisElem(i)) }
		outer := Add(g(0), g(2))
		return Concatenate([]*Node{g(0), MulScalar(Add(outer, g(1)), 0.5), MulScalar(Sub(outer, g(1)), 0.5), g(2)}, axis)
	}
	k := along(along(kernel, 0), 1)
	return Reshape(k, 16, k.Shape().Dim(2), k.Shape().Dim(3))
}

// kernelTransposed is Gᵀ v G, the gradient of winogradKernel: [16, in, out] to [3, 3, in, out].
func kernelTransposed(dg *Node) *Node {
	along := func(k *Node, axis int) *Node {
		v := func(i int) *Node { return SliceAxis(k, axis, AxisElem(i)) }
		sum := MulScalar(Add(v(1), v(2)), 0.5)
		return Concatenate([]*Node{Add(v(0), sum), MulScalar(Sub(v(1), v(2)), 0.5), Add(sum, v(3))}, axis)
	}
	return along(along(Reshape(dg, 4, 4, dg.Shape().Dim(1), dg.Shape().Dim(2)), 0), 1)
}

// winogradOutput is Aᵀ m A: [16, batch·tiles², out] to [batch, 2·tiles, 2·tiles, out].
func winogradOutput(m *Node, batch int) *Node {
	out := m.Shape().Dim(2)
	tiles := 1
	for tiles*tiles*batch < m.Shape().Dim(1) {
		tiles++
	}
	along := func(m *Node, axis int) *Node {
		e := func(i int) *Node { return SliceAxis(m, axis, AxisElem(i)) }
		return Concatenate([]*Node{Add(Add(e(0), e(1)), e(2)), Sub(Sub(e(1), e(2)), e(3))}, axis)
	}
	y := along(along(Reshape(m, 4, 4, batch, tiles, tiles, out), 0), 1) // [2, 2, batch, tiles, tiles, out]
	return Reshape(TransposeAllAxes(y, 2, 3, 0, 4, 1, 5), batch, 2*tiles, 2*tiles, out)
}
