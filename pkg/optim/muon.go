package optim

import (
	"math"

	"github.com/gomlx/gomlx/core/graph"
)

// muonIterations is the number of Newton-Schulz iterations. After three, small singular values are still below 1; airbench94
// found that good enough.
const muonIterations = 3

// muonUpdate gives a kernel θ [height, width, in, out] the norm √out, and its step s singular values near 1 (Jordan et al. 2024,
// https://kellerjordan.github.io/posts/muon; here in the form of airbench94_muon.py in github.com/KellerJordan/cifar10-airbench):
//
//	θ ← √out·θ/‖θ‖ - η·orthogonalized(s)
//
// So each step rotates all directions of a kernel by about the same angle, even those with small gradients.
func muonUpdate(theta, step, rate *graph.Node) *graph.Node {
	dims := theta.Shape().Dimensions
	out := dims[len(dims)-1]
	norm := graph.L2Norm(graph.Reshape(theta, -1)) // never 0: kernels start from random values, and this keeps their norm
	theta = graph.MulScalar(graph.Div(theta, norm), math.Sqrt(float64(out)))
	direction := graph.Reshape(orthogonalized(graph.Reshape(step, -1, out)), dims...)
	return graph.Sub(theta, graph.Mul(rate, direction))
}

// orthogonalized moves the singular values of a matrix [rows, columns] close to 1 and keeps its singular vectors. It is the
// Newton-Schulz iteration with Jordan's coefficients: starting from X = S/‖S‖, with A = XᵀX,
//
//	X ← 3.4445·X - X·(4.7750·A - 2.0315·A²)
//
// which maps each singular value σ to 3.4445·σ - 4.7750·σ³ + 2.0315·σ⁵.
func orthogonalized(x *graph.Node) *graph.Node {
	x = graph.Div(x, graph.AddScalar(graph.L2Norm(graph.Reshape(x, -1)), 1e-7))
	wide := x.Shape().Dim(0) < x.Shape().Dim(1)
	if wide {
		x = graph.Transpose(x, 0, 1) // so that A is the smaller of the two products
	}
	for range muonIterations {
		a := graph.MatMul(graph.Transpose(x, 0, 1), x)
		b := graph.Sub(graph.MulScalar(a, 4.7750), graph.MulScalar(graph.MatMul(a, a), 2.0315))
		x = graph.Sub(graph.MulScalar(x, 3.4445), graph.MatMul(x, b))
	}
	if wide {
		x = graph.Transpose(x, 0, 1)
	}
	return x
}

// MuonMACs returns the number of multiply-adds that Muon adds to one step for a kernel [height, width, in, out]. With m and n the
// larger and the smaller of height·width·in and out, each iteration takes m·n² for A, n³ for its square and m·n² for the product
// with X.
func MuonMACs(kernel []int) int64 {
	out := int64(kernel[3])
	rows := int64(kernel[0]) * int64(kernel[1]) * int64(kernel[2])
	m, n := max(rows, out), min(rows, out)
	return muonIterations * (2*m*n*n + n*n*n)
}
