package resnet

import . "github.com/gomlx/gomlx/core/graph"

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
	batch, n := x.Shape().Dim(0), x.Shape().Dim(1)/2
	var data, weights tile // of [positions, in] and [in, out]: kept for the gradients
	return withGradient([]*Node{x, kernel}, func(in []*Node) *Node {
		data, weights = inputTiles(in[0]), kernelTile(in[1])
		return outputMaps(batch, n, elements(func(i, j int) *Node { return MatMul(data[i][j], weights[i][j]) }))
	}, func(in []*Node, dy *Node) []*Node {
		// The data's gradient is the same convolution with the kernel turned by 180° and its channels swapped. Along each
		// axis G of the turned kernel (g2, g1, g0) is G g with the first and the last element swapped.
		padded, turned := zeroBorder(dy, 1, 1), [4]int{3, 1, 2, 0}
		d := tiles(padded, n, inputTransform)
		dx := outputMaps(batch, n, elements(func(i, j int) *Node {
			return DotGeneral(d[i][j], []int{1}, nil, weights[turned[i]][turned[j]], []int{1}, nil)
		}))
		// From the padded maps again, which are in memory: from dy itself XLA would compute dy once more for each of the 16.
		dm := tiles(padded, n, func(d func(i int) *Node) [4]*Node {
			return outputTransposed(func(i int) *Node { return d(1 + i) })
		})
		dg := elements(func(i, j int) *Node { return DotGeneral(data[i][j], []int{0}, nil, dm[i][j], []int{0}, nil) })
		return []*Node{dx, kernelTransposed(dg)}
	})
}

// tile holds the 16 elements of a transformed tile, each a matrix with a row for every tile of the batch (or for
// every input channel of the kernel). They stay apart, since XLA would copy them once more to stack them.
type tile [4][4]*Node

func elements(f func(i, j int) *Node) (t tile) {
	for i := range t {
		for j := range t[i] {
			t[i][j] = f(i, j)
		}
	}
	return t
}

// inputTiles is Bᵀ d B of all 4×4 tiles of x [batch, size, size, c] with a border of zeros: 16 × [batch·(size/2)², c].
func inputTiles(x *Node) tile { return tiles(zeroBorder(x, 1, 1), x.Shape().Dim(1)/2, inputTransform) }

// tiles transforms the rows and then the columns of n×n tiles that start at every second position.
func tiles(x *Node, n int, transform func(d func(i int) *Node) [4]*Node) (t tile) {
	for i, row := range transform(func(i int) *Node { return SliceAxis(x, 1, window(i, n, 2)) }) {
		t[i] = transform(func(j int) *Node { return SliceAxis(row, 2, window(j, n, 2)) })
		for j := range t[i] {
			t[i][j] = Reshape(t[i][j], -1, x.Shape().Dim(3))
		}
	}
	return t
}

// inputTransform is Bᵀ along an axis: d(i) is element i of every 4-wide tile.
func inputTransform(d func(i int) *Node) [4]*Node {
	return [4]*Node{Sub(d(0), d(2)), Add(d(1), d(2)), Sub(d(2), d(1)), Sub(d(1), d(3))}
}

// outputTransposed is A along an axis, the gradient of Aᵀ: d(i) is element i of every 2-wide tile.
func outputTransposed(d func(i int) *Node) [4]*Node {
	return [4]*Node{d(0), Add(d(0), d(1)), Sub(d(0), d(1)), Neg(d(1))}
}

// kernelTile is G g Gᵀ: [3, 3, in, out] to 16 × [in, out].
func kernelTile(kernel *Node) (t tile) {
	along := func(g func(i int) *Node) [4]*Node {
		outer := Add(g(0), g(2))
		return [4]*Node{g(0), MulScalar(Add(outer, g(1)), 0.5), MulScalar(Sub(outer, g(1)), 0.5), g(2)}
	}
	for i, row := range along(func(i int) *Node { return Squeeze(SliceAxis(kernel, 0, AxisElem(i)), 0) }) {
		t[i] = along(func(j int) *Node { return Squeeze(SliceAxis(row, 0, AxisElem(j)), 0) })
	}
	return t
}

// kernelTransposed is Gᵀ v G, the gradient of kernelTile: 16 × [in, out] to [3, 3, in, out]. It is one product with the
// matrix of both axes, as each of the nine sums written out would be one more piece of code to compile.
func kernelTransposed(v tile) *Node {
	in, out := v[0][0].Shape().Dim(0), v[0][0].Shape().Dim(1)
	var all []*Node
	for _, row := range v {
		all = append(all, row[:]...)
	}
	g := [4][3]float64{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	both := make([][]float64, 9)
	for tap := range both {
		for e := range 16 {
			both[tap] = append(both[tap], g[e/4][tap/3]*g[e%4][tap%3])
		}
	}
	stacked := Reshape(Stack(all, 0), 16, in*out)
	return Reshape(MatMul(ConstAs(stacked, both), stacked), 3, 3, in, out)
}

// outputMaps is Aᵀ m A: 16 × [batch·n², out] to maps [batch, 2n, 2n, out].
func outputMaps(batch, n int, m tile) *Node {
	out := m[0][0].Shape().Dim(1)
	along := func(e [4]*Node) [2]*Node {
		return [2]*Node{Add(Add(e[0], e[1]), e[2]), Sub(Sub(e[1], e[2]), e[3])}
	}
	var rows [4][2]*Node
	for i := range rows {
		rows[i] = along(m[i])
	}
	var columns [2]*Node
	for j := range columns {
		pair := along([4]*Node{rows[0][j], rows[1][j], rows[2][j], rows[3][j]})
		for i := range pair {
			pair[i] = Reshape(pair[i], batch, n, 1, n, 1, out)
		}
		columns[j] = Concatenate(pair[:], 2)
	}
	return Reshape(Concatenate(columns[:], 4), batch, 2*n, 2*n, out)
}
