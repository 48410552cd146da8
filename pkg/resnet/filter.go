package resnet

import (
	. "github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/nn"
)

// filter computes a 3×3 convolution with stride 1 on small maps with fewer multiplications than im2col. Along each axis, with the
// axis' positions x, the kernel g and the padding's zeros left out, it is
//
//	y = output · [(kernel · g) ⊙ (input · x)]
//
// For both axes together, the products of elements are the matrix products of an element's channels.
type filter struct {
	input  [][]float64 // [elements·tiles][size]
	kernel [][]float64 // [elements][3]
	output [][]float64 // [size][elements·tiles]
	tiles  int
}

// pairFilter is for maps of 2×2: y0 = g1·x0 + g2·x1 and y1 = g0·x0 + g1·x1 with three multiplications, so that of the 36 products of
// im2col, 20 of them with padding, 9 are left.
var pairFilter = filter{
	input:  [][]float64{{1, 1}, {0, 1}, {1, 0}},
	kernel: [][]float64{{0, 1, 0}, {0, -1, 1}, {1, -1, 0}},
	output: [][]float64{{1, 1, 0}, {1, 0, 1}},
	tiles:  1,
}

// winogradFilter is Winograd's F(2, 3), with the matrices of pkg/nn: each tile computes two positions with four multiplications.
func winogradFilter(size int) filter {
	f := filter{kernel: nn.WinogradG, tiles: size / 2}
	for _, factors := range nn.WinogradBT {
		for tile := range f.tiles {
			row := make([]float64, size)
			for k, factor := range factors {
				if i := 2*tile + k - 1; i >= 0 && i < size {
					row[i] = factor
				}
			}
			f.input = append(f.input, row)
		}
	}
	for i := range size {
		row := make([]float64, len(nn.WinogradA)*f.tiles)
		for element, factors := range nn.WinogradA {
			row[element*f.tiles+i/2] = factors[i%2]
		}
		f.output = append(f.output, row)
	}
	return f
}

// filterFor returns the filter of a convolution, if it has one. On larger maps the tiles cost more than they save.
func filterFor(cv conv) (f filter, ok bool) {
	if cv.kernel != 3 || cv.stride != 1 {
		return f, false
	}
	switch cv.sizeIn {
	case 2:
		return pairFilter, true
	case 4, 8:
		return winogradFilter(cv.sizeIn), true
	}
	return f, false
}

// weights transforms a kernel [3, 3, in, out] to [elements², in, out], flat.
func (f filter) weights(kernel []float32) []float32 {
	n, values := len(kernel)/9, []float32(nil)
	for _, row := range f.kernel {
		for _, column := range f.kernel {
			sum := make([]float64, n)
			for i, a := range row {
				for j, b := range column {
					if a*b != 0 {
						for k, g := range kernel[(3*i+j)*n:][:n] {
							sum[k] += a * b * float64(g)
						}
					}
				}
			}
			for _, v := range sum {
				values = append(values, float32(v))
			}
		}
	}
	return values
}

// convolve computes the convolution of x [batch, size, size, in]; multiply contracts the channels of [elements², batch·tiles², in]
// with the weights.
func (f filter) convolve(x *Node, multiply func(x *Node) *Node) *Node {
	batch, n, t := x.Shape().Dim(0), len(f.kernel), f.tiles
	data := f.axes(x, f.input) // [batch, n·t, n·t, in]
	data = TransposeAllAxes(Reshape(data, batch, n, t, n, t, -1), 1, 3, 0, 2, 4, 5)
	y := multiply(Reshape(data, n*n, batch*t*t, -1))
	y = TransposeAllAxes(Reshape(y, n, n, batch, t, t, -1), 2, 0, 3, 1, 4, 5)
	return f.axes(Reshape(y, batch, n*t, n*t, -1), f.output)
}

// axes multiplies both axes of the maps x [batch, size, size, channels] by a matrix.
func (f filter) axes(x *Node, matrix [][]float64) *Node {
	batch, size, to := x.Shape().Dim(0), len(matrix[0]), len(matrix)
	each := func(count int, x *Node) *Node { // for a batch of matrices
		all := make([][][]float64, count)
		for i := range all {
			all[i] = matrix
		}
		return DotGeneral(ConstAs(x, all), []int{2}, []int{0}, x, []int{1}, []int{0})
	}
	x = each(batch, Reshape(x, batch, size, -1))
	x = each(batch*to, Reshape(x, batch*to, size, -1))
	return Reshape(x, batch, to, to, -1)
}
