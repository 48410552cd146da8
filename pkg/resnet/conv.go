package resnet

import (
	"maps"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"nndl.example/resnet18/pkg/backend"
)

// convolution computes a 2-D convolution with padding k/2 on both sides, the only kind in the network:
// x [batch, h, w, in], kernel [k, k, in, out] to [batch, ceil(h/stride), ceil(w/stride), out].
type convolution func(x, kernel *Node, stride int) *Node

// lowerings are the ways to compute the same convolution. They agree to rounding.
var lowerings = map[string]convolution{
	"native": nativeConvolution,
	"matmul": matmulConvolution,
}

// Lowerings lists the valid values of Config.Lowering.
func Lowerings() []string { return slices.Sorted(maps.Keys(lowerings)) }

// lowering picks the faster way for the backend: XLA's own convolution on a GPU (cuDNN), matrix products
// on a CPU, where XLA's convolution and the pure-Go backend's loop are three to six times slower.
func (c Config) lowering(b compute.Backend) convolution {
	switch {
	case c.BFloat16:
		return convolveInBFloat16
	case c.Lowering != "":
		return lowerings[c.Lowering]
	case backend.IsGPU(b):
		return nativeConvolution
	}
	return matmulConvolution
}

// Convolution is a 2-D convolution with padding k/2 on all sides, computed in the way that is fast on the graph's backend: see
// Lowerings. x [batch, size, size, in], kernel [k, k, in, out] to [batch, ceil(size/stride), ceil(size/stride), out].
func Convolution(x, kernel *Node, stride int) *Node {
	return Config{}.lowering(x.Graph().Backend())(x, kernel, stride)
}

// convolveInBFloat16 rounds the factors of a convolution to bfloat16 (8 bits of mantissa) and gives its result in the type of
// x, so that sums over many numbers, as batch norm's, stay in float32: mixed precision as in Micikevicius et al. 2018,
// arXiv:1710.03740. bfloat16 has float32's range, so that the loss needs no scale. Always the backend's own convolution: the
// sums of Winograd's tiles would lose too much.
func convolveInBFloat16(x, kernel *Node, stride int) *Node {
	y := nativeConvolution(ConvertDType(x, dtypes.BFloat16), ConvertDType(kernel, dtypes.BFloat16), stride)
	return ConvertDType(y, x.DType())
}

func nativeConvolution(x, kernel *Node, stride int) *Node {
	return Convolve(x, kernel).Strides(stride).PadSame().Done()
}

// matmulConvolution writes the convolution as one matrix product. The left factor has a row for each
// output position and a column for each (tap, input channel); "tap" is one of the k×k kernel positions.
//
// Taps that only ever see padding are left out: on a 1×1 map one tap of nine is live. Their weights get
// an exactly zero gradient either way.
func matmulConvolution(x, kernel *Node, stride int) *Node {
	batch, size, in := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	k, out := kernel.Shape().Dim(0), kernel.Shape().Dim(3)
	pad := k / 2
	sizeOut := (size-1)/stride + 1
	switch {
	case k == 3 && stride == 1 && size%2 == 0 && size >= 4 && in >= 16: // below, tiles of the output cost more than they save
		return winogradConvolution(x, kernel)
	case size == sizeOut && size > 1 && size <= k/2+1:
		return denseConvolution(x, kernel)
	}

	first, last := liveTaps(size, sizeOut, k, stride)
	live := last - first + 1
	if live < k {
		kernel = Slice(kernel, AxisRange(first, last+1), AxisRange(first, last+1))
	}
	before := max(0, pad-first)
	after := max(0, (sizeOut-1)*stride+last-pad-(size-1))
	skip := max(0, first-pad) // columns of x before the first live tap's first position
	columns := func(x *Node) *Node {
		if before > 0 || after > 0 {
			x = zeroBorder(x, before, after)
		}
		// Columns of a row first, then rows: 2·k slices in place of k², which compile and run faster.
		cols := taps(taps(x, 2, skip, live, sizeOut, stride), 1, skip, live, sizeOut, stride)
		return Reshape(cols, batch*sizeOut*sizeOut, live*live*in)
	}
	y := productAgain(columns(x), Reshape(kernel, live*live*in, out), func(dy *Node) *Node { return columns(SchedulingBarrier(x, dy)) })
	return Reshape(y, batch, sizeOut, sizeOut, out)
}

// zeroBorder adds rows and columns of zeros before and after the maps of x [batch, size, size, c].
func zeroBorder(x *Node, before, after int) *Node {
	p := compute.PadAxis{Start: before, End: after}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, p, p, compute.PadAxis{})
}

// taps stands side by side, as channels, what each of the live taps along an axis sees.
func taps(x *Node, axis, skip, live, sizeOut, stride int) *Node {
	var seen []*Node
	for i := range live {
		seen = append(seen, SliceAxis(x, axis, window(skip+i, sizeOut, stride)))
	}
	if len(seen) == 1 {
		return seen[0]
	}
	return Concatenate(seen, 3)
}

// window selects n positions from start on, stride apart.
func window(start, n, stride int) SliceAxisSpec {
	return AxisRange(start, start+(n-1)*stride+1).Stride(stride)
}

// liveTaps returns the first and last kernel row (= column) that meets the image at some output position.
func liveTaps(size, sizeOut, k, stride int) (first, last int) {
	pad := k / 2
	first = max(0, pad-(sizeOut-1)*stride)
	last = min(k-1, size-1+pad)
	return first, last
}

// denseConvolution is for maps so small that every output position sees every input position (2×2 with
// a 3×3 kernel): the convolution is one dense layer from [size·size·in] to [size·size·out] whose matrix
// repeats the kernel's taps, 16 blocks in place of the 36 that columns would multiply.
func denseConvolution(x, kernel *Node) *Node {
	batch, size, in := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	k, out := kernel.Shape().Dim(0), kernel.Shape().Dim(3)
	var blocks []*Node
	for i := range size {
		for j := range size {
			// Output (i, j) meets input (a, b) with tap (a-i+pad, b-j+pad).
			taps := Slice(kernel, AxisRange(k/2-i, k/2-i+size), AxisRange(k/2-j, k/2-j+size))
			blocks = append(blocks, Reshape(taps, size*size*in, out))
		}
	}
	dense := Concatenate(blocks, 1) // [size·size·in, size·size·out]
	y := product(Reshape(x, batch, size*size*in), dense)
	return Reshape(y, batch, size, size, out)
}
