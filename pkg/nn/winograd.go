package nn

import (
	. "github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/internal/kind"
)

// Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray 2016, arXiv:1509.09308, section 4.1) computes 2×2 outputs from 4×4
// inputs d and a kernel g with 16 multiplications for each pair of channels instead of 36:
//
//	Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
var (
	WinogradBT = [][]float64{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}
	WinogradG  = [][]float64{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}
	WinogradA  = [][]float64{{1, 0}, {1, 1}, {1, -1}, {0, -1}}
)

// winogradConvolution computes a 3×3 convolution with stride 1 on maps of even size by Winograd's filtering. For all tiles
// together the 16 multiplications are 16 matrix products of [tiles, in] and [in, out], in four batches: one for each row of
// the transformed tiles. bench/NOTES.md compares this with 16 single products, which take longer to compile, and with one batch.
//
// x [batch, size, size, in], kernel [3, 3, in, out] to [batch, size, size, out].
func winogradConvolution(x, kernel *Node) *Node {
	batch, n := x.Shape().Dim(0), x.Shape().Dim(1)/2
	var data, weights [4]*Node // of [4, tiles, in] and [4, in, out]: kept for the gradients
	return withGradient([]*Node{x, kernel}, func(in []*Node) *Node {
		data, weights = tiles(ZeroPad(in[0], 1, 1), WinogradBT), transformKernel(in[1])
		return outputMaps(batch, n, products(data, 2, weights, 1), WinogradA)
	}, func(in []*Node, dy *Node) []*Node {
		// From the padded maps, which are in memory: from dy itself XLA would recompute dy for each batch of tiles.
		padded := ZeroPad(dy, 1, 1)
		// The data's gradient is the convolution with the kernel rotated by 180° and its channels swapped.
		dx := outputMaps(batch, n, products(tiles(padded, forRotatedKernel(WinogradBT)), 2, weights, 2), forRotatedKernel(WinogradA))
		return []*Node{dx, transformKernelTransposed(products(data, 1, tiles(padded, WinogradA), 1))}
	})
}

// forRotatedKernel reorders the rows of Bᵀ or A for a kernel rotated by 180°: G·(g2, g1, g0) is G·(g0, g1, g2) with the first and the
// last element swapped. So these rows change places instead of the kernel's elements.
func forRotatedKernel(m [][]float64) [][]float64 { return [][]float64{m[3], m[1], m[2], m[0]} }

// products multiplies the rows of two transformed tiles, each a batch of four matrices, contracting one axis of each.
func products(a [4]*Node, axisA int, b [4]*Node, axisB int) (m [4]*Node) {
	for i := range m {
		left, axis := a[i], axisA
		if axisA == 1 && axisB == 1 && kind.IsPureGo(left.Graph().Backend()) {
			left, axis = TransposeAllAxes(left, 0, 2, 1), 2 // else pure Go transposes both
		}
		m[i] = DotGeneral(left, []int{axis}, []int{0}, b[i], []int{axisB}, []int{0})
	}
	return m
}

// tiles multiplies all 4×4 tiles of x [batch, 2n+2, 2n+2, c], which start at every second position, by a matrix from both
// sides: M d Mᵀ, 4 rows of [4, batch·n², c]. A matrix with two columns sees the middle 2×2 of each tile.
//
// Each row is a written-out sum. For XLA its four elements are one sum with a vector of factors, so that one piece of code serves all
// four; pure Go would take several times as long for it as for the four sums.
func tiles(x *Node, matrix [][]float64) (t [4]*Node) {
	n, channels := x.Shape().Dim(1)/2-1, x.Shape().Dim(3)
	start := (4 - len(matrix[0])) / 2
	element := func(x *Node, axis, k int) *Node { return SliceAxis(x, axis, strided(start+k, n, 2)) }
	for i := range t {
		row := combination(matrix[i], func(k int) *Node { return element(x, 1, k) })
		if kind.IsPureGo(x.Graph().Backend()) {
			t[i] = Reshape(elementsOf(row, matrix, element), 4, -1, channels)
			continue
		}
		var sum *Node
		for k := range matrix[0] {
			factors := Reshape(ConstAs(x, column(matrix, k)), 4, 1, 1, 1, 1)
			sum = plus(sum, Mul(factors, ExpandAxes(element(row, 2, k), 0)))
		}
		t[i] = Reshape(sum, 4, -1, channels)
	}
	return t
}

// elementsOf is the four elements of a row of tiles, [4, batch, n, n, c].
func elementsOf(row *Node, matrix [][]float64, element func(x *Node, axis, k int) *Node) *Node {
	var elements []*Node
	for _, factors := range matrix {
		elements = append(elements, ExpandAxes(combination(factors, func(k int) *Node { return element(row, 2, k) }), 0))
	}
	return Concatenate(elements, 0)
}

// column is column k of a matrix.
func column(matrix [][]float64, k int) (c []float64) {
	for _, row := range matrix {
		c = append(c, row[k])
	}
	return c
}

// combination is the sum of factors[k]·term(k) over the factors other than zero.
func combination(factors []float64, term func(k int) *Node) (sum *Node) {
	for k, f := range factors {
		switch {
		case f == 0:
		case f == 1:
			sum = plus(sum, term(k))
		case f == -1 && sum != nil:
			sum = Sub(sum, term(k))
		default:
			sum = plus(sum, MulScalar(term(k), f))
		}
	}
	return sum
}

// plus is sum + term; a nil sum is zero.
func plus(sum, term *Node) *Node {
	if sum == nil {
		return term
	}
	return Add(sum, term)
}

// transformKernel is G g Gᵀ: [3, 3, in, out] to 4 rows of [4, in, out].
func transformKernel(kernel *Node) (t [4]*Node) {
	in, out := kernel.Shape().Dim(2), kernel.Shape().Dim(3)
	g, rows := winogradG2D(), Reshape(kernel, 9, in*out)
	for i := range t {
		t[i] = Reshape(MatMul(ConstAs(kernel, g[4*i:4*i+4]), rows), 4, in, out)
	}
	return t
}

// transformKernelTransposed is Gᵀ v G, the gradient of transformKernel: 4 rows of [4, in, out] to [3, 3, in, out].
func transformKernelTransposed(v [4]*Node) *Node {
	in, out := v[0].Shape().Dim(1), v[0].Shape().Dim(2)
	all := Reshape(Concatenate(v[:], 0), 16, in*out)
	return Reshape(DotGeneral(ConstAs(all, winogradG2D()), []int{0}, nil, all, []int{0}, nil), 3, 3, in, out)
}

// winogradG2D is G for both axes at once: a row for each of a tile's 16 elements, a column for each of the kernel's 9 positions.
func winogradG2D() [][]float64 {
	both := make([][]float64, 16)
	for e := range both {
		for position := range 9 {
			both[e] = append(both[e], WinogradG[e/4][position/3]*WinogradG[e%4][position%3])
		}
	}
	return both
}

// outputMaps is Aᵀ m A: 4 rows of [4, batch·n², out] to maps [batch, 2n, 2n, out].
func outputMaps(batch, n int, m [4]*Node, a [][]float64) *Node {
	out := m[0].Shape().Dim(2)
	var columns []*Node
	for right := range 2 {
		var rows []*Node
		for left := range 2 {
			y := combination(column(a, left), func(i int) *Node {
				return combination(column(a, right), func(j int) *Node { return SliceAxis(m[i], 0, AxisElem(j)) })
			})
			rows = append(rows, Reshape(y, batch, n, 1, n, 1, out))
		}
		columns = append(columns, Concatenate(rows, 2))
	}
	return Reshape(Concatenate(columns, 4), batch, 2*n, 2*n, out)
}
