package runner

import (
	"fmt"
	"math"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// muonIterations is how often Newton-Schulz is applied. Three leave small singular values below 1, which airbench94 found
// good enough.
const muonIterations = 3

// isConvolution tells the kernels of convolutions, which Recipe.MuonRate is for.
func isConvolution(v *model.Variable) bool { return v.Shape().Rank() == 4 }

// muonUpdate gives a kernel θ [height, width, in, out] the norm √out, and its step s singular values near 1 (Jordan et al.
// 2024, https://kellerjordan.github.io/posts/muon; as airbench94_muon.py of github.com/KellerJordan/cifar10-airbench has it):
//
//	θ ← √out·θ/‖θ‖ - η·orthogonalized(s)
//
// So each step turns all of a kernel's directions by about the same angle, those with small gradients too.
func muonUpdate(theta, step, rate *graph.Node) *graph.Node {
	dims := theta.Shape().Dimensions
	out := dims[len(dims)-1]
	norm := graph.L2Norm(graph.Reshape(theta, -1)) // never 0: kernels start from random values, and this keeps their norm
	theta = graph.MulScalar(graph.Div(theta, norm), math.Sqrt(float64(out)))
	direction := graph.Reshape(orthogonalized(graph.Reshape(step, -1, out)), dims...)
	return graph.Sub(theta, graph.Mul(rate, direction))
}

// orthogonalized moves the singular values of a matrix [rows, columns] near to 1 and leaves its singular vectors, by Newton and
// Schulz's iteration with Jordan's coefficients: from X = S/‖S‖ on, with A = XᵀX,
//
//	X ← 3.4445·X - X·(4.7750·A - 2.0315·A²)
//
// which takes each singular value σ to 3.4445·σ - 4.7750·σ³ + 2.0315·σ⁵.
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

// MuonMACs is the number of multiply-adds of one step for a kernel [height, width, in, out]: with m and n the larger and the
// smaller of height·width·in and out, m·n² for A, n³ for its square and m·n² for the product with X, each time.
func MuonMACs(kernel []int) int64 {
	out := int64(kernel[3])
	rows := int64(kernel[0]) * int64(kernel[1]) * int64(kernel[2])
	m, n := max(rows, out), min(rows, out)
	return muonIterations * (2*m*n*n + n*n*n)
}

// validateMuon says whether the rest of the recipe goes with MuonRate.
func (r Recipe) validateMuon() error {
	switch {
	case !(r.MuonRate >= 0 && r.MuonRate <= 1):
		return fmt.Errorf("runner: Muon's learning rate is %g, want 0 (none) to 1", r.MuonRate)
	case r.MuonRate > 0 && r.Optimizer != "sgd" && r.Optimizer != "momentum" && r.Optimizer != "nesterov":
		return fmt.Errorf("runner: Muon is for the convolutions, and the optimizer of the rest is %q: want sgd, momentum or nesterov", r.Optimizer)
	}
	return nil
}
