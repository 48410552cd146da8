package nn

import (
	"maps"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/support/exceptions"

	"nndl.example/resnet18/pkg/internal/kind"
)

// Convolution computes a 2-D convolution with padding k/2 on all sides, k odd: x [batch, h, w, in] and kernel [k, k, in, out] to
// [batch, ceil(h/stride), ceil(w/stride), out]. Maps are square.
type Convolution func(x, kernel *Node, stride int) *Node

// lowerings are the ways to compute the same convolution. They agree up to rounding.
var lowerings = map[string]Convolution{
	"native": nativeConvolution,
	"matmul": matmulConvolution,
}

// Lowerings lists the names that ConvolutionFor accepts.
func Lowerings() []string { return slices.Sorted(maps.Keys(lowerings)) }

// ConvolutionFor returns the convolution with the given lowering: "matmul" is im2col or Winograd's filtering, "native" the
// backend's own operation. "" picks the faster one for the backend: native on a GPU (cuDNN), matmul on a CPU, where XLA's
// convolution and the pure-Go backend's loop take three to six times as long. It returns nil for an unknown lowering.
func ConvolutionFor(b compute.Backend, lowering string) Convolution {
	switch {
	case lowering != "":
		return lowerings[lowering]
	case kind.IsGPU(b):
		return nativeConvolution
	}
	return matmulConvolution
}

// Conv2D computes a convolution with the lowering that is fastest on the graph's backend.
func Conv2D(x, kernel *Node, stride int) *Node {
	return ConvolutionFor(x.Graph().Backend(), "")(x, kernel, stride)
}

// Conv2DBFloat16 rounds x and kernel to bfloat16 (8 bits of mantissa) and returns the convolution in the type of x, so
// that sums over many numbers, such as batch norm's, stay in float32: mixed precision as in Micikevicius et al. 2018,
// arXiv:1710.03740. bfloat16 has float32's range, so the loss needs no scale. It always uses the backend's own
// convolution: the sums in Winograd's tiles would lose too much precision.
func Conv2DBFloat16(x, kernel *Node, stride int) *Node {
	y := nativeConvolution(ConvertDType(x, dtypes.BFloat16), ConvertDType(kernel, dtypes.BFloat16), stride)
	return ConvertDType(y, x.DType())
}

func nativeConvolution(x, kernel *Node, stride int) *Node {
	requireOdd(kernel)
	return Convolve(x, kernel).Strides(stride).PadSame().Done()
}

// requireOdd panics for a kernel of even size, whose middle the lowerings would put in different places.
func requireOdd(kernel *Node) {
	if kernel.Shape().Dim(0)%2 == 0 {
		exceptions.Panicf("nn: convolution with a kernel of shape %s: want an odd size", kernel.Shape())
	}
}

// matmulConvolution computes the convolution by matrix products: Winograd's method for 3×3 kernels of at least 16 channels on even
// maps of at least 4×4, a dense layer where every output sees every input, otherwise im2col, whose left factor has a row for each
// output position and a column for each kernel position and input channel.
//
// Kernel positions that only ever meet padding are left out: on a 1×1 map one position of nine remains. The gradient of
// the others is exactly zero in any case.
func matmulConvolution(x, kernel *Node, stride int) *Node {
	requireOdd(kernel)
	batch, size, in := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	k, out := kernel.Shape().Dim(0), kernel.Shape().Dim(3)
	sizeOut := (size-1)/stride + 1
	switch {
	case k == 3 && stride == 1 && size%2 == 0 && size >= 4 && in >= 16: // for smaller maps, tiles of the output cost more than they save
		return winogradConvolution(x, kernel)
	case size == sizeOut && size > 1 && size <= k/2+1:
		return denseConvolution(x, kernel)
	}
	first, last := LiveKernelRange(size, sizeOut, k, stride)
	live := last - first + 1
	if live < k {
		kernel = Slice(kernel, AxisRange(first, last+1), AxisRange(first, last+1))
	}
	columns := func(x *Node) *Node {
		return Reshape(Im2col(x, k, stride), batch*sizeOut*sizeOut, live*live*in)
	}
	y := matMulRematerialized(columns(x), Reshape(kernel, live*live*in, out), func(dy *Node) *Node { return columns(SchedulingBarrier(x, dy)) })
	return Reshape(y, batch, sizeOut, sizeOut, out)
}

// Im2col puts the inputs that the live positions of a k×k kernel meet (LiveKernelRange) side by side, as channels:
// x [batch, size, size, in] to [batch, sizeOut, sizeOut, live·live·in].
func Im2col(x *Node, k, stride int) *Node {
	size, pad := x.Shape().Dim(1), k/2
	sizeOut := (size-1)/stride + 1
	first, last := LiveKernelRange(size, sizeOut, k, stride)
	before := max(0, pad-first)
	after := max(0, (sizeOut-1)*stride+last-pad-(size-1))
	skip := max(0, first-pad) // columns of x before those that the first live position meets
	if before > 0 || after > 0 {
		x = ZeroPad(x, before, after)
	}
	for _, axis := range []int{2, 1} { // a row's columns first, then rows: 2·k slices instead of k², which compile and run faster
		var shifted []*Node
		for i := range last - first + 1 {
			shifted = append(shifted, SliceAxis(x, axis, strided(skip+i, sizeOut, stride)))
		}
		if x = shifted[0]; len(shifted) > 1 {
			x = Concatenate(shifted, 3)
		}
	}
	return x
}

// ZeroPad adds rows and columns of zeros before and after the maps of x [batch, size, size, c].
func ZeroPad(x *Node, before, after int) *Node {
	p := compute.PadAxis{Start: before, End: after}
	return Pad(x, ScalarZero(x.Graph(), x.DType()), compute.PadAxis{}, p, p, compute.PadAxis{})
}

// strided selects n positions of an axis, beginning with start, at a distance of stride.
func strided(start, n, stride int) SliceAxisSpec {
	return AxisRange(start, start+(n-1)*stride+1).Stride(stride)
}

// LiveKernelRange returns the first and the last row (and column) of a k×k kernel that meets the image, and not only
// padding, at some output position. Size and sizeOut are the sizes of the input and output maps; padding is k/2.
func LiveKernelRange(size, sizeOut, k, stride int) (first, last int) {
	pad := k / 2
	first = max(0, pad-(sizeOut-1)*stride)
	last = min(k-1, size-1+pad)
	return first, last
}

// denseConvolution is for maps so small that every output position sees every input position, such as 2×2 with a 3×3
// kernel. The convolution is one dense layer from [size·size·in] to [size·size·out] whose matrix repeats the kernel's
// weights: 16 blocks, where im2col would multiply 36.
func denseConvolution(x, kernel *Node) *Node {
	batch, size, in := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(3)
	k, out := kernel.Shape().Dim(0), kernel.Shape().Dim(3)
	var blocks []*Node
	for i := range size {
		for j := range size {
			// Output (i, j) meets input (a, b) at kernel position (a-i+pad, b-j+pad).
			block := Slice(kernel, AxisRange(k/2-i, k/2-i+size), AxisRange(k/2-j, k/2-j+size))
			blocks = append(blocks, Reshape(block, size*size*in, out))
		}
	}
	dense := Concatenate(blocks, 1) // [size·size·in, size·size·out]
	y := Linear(Reshape(x, batch, size*size*in), dense)
	return Reshape(y, batch, size, size, out)
}
