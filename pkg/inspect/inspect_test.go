package inspect

import (
	"math"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/resnet"
)

// small returns a fresh network on the pure-Go backend and n images with labels in turn.
func small(t *testing.T, n int) (Network, *cifar.Dataset) {
	b, err := backend.New("go", nil)
	require.NoError(t, err)
	d := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize)}
	for i := range d.Pixels {
		d.Pixels[i] = uint8(i * i % 251)
	}
	for i := range n {
		d.Labels = append(d.Labels, uint16(i%cifar.NumClasses))
	}
	fresh, err := New(b, resnet.Custom(3, 10, true), 100)
	require.NoError(t, err)
	return fresh, d
}

// TestDeadWeights: of the kernels' weights 6,946,816 of 11,166,912 get exactly no gradient from the data with the chapter's
// stem, which is what the summary derives from the sizes of the maps.
func TestDeadWeights(t *testing.T) {
	n, d := small(t, 4)
	gradients, err := n.Gradients(d)
	require.NoError(t, err)
	dead, live, err := n.DeadWeights(gradients)
	require.NoError(t, err)
	s := n.Summary()
	require.Len(t, dead, s.Params()-s.Live())
	require.Len(t, dead, 6_946_816)
	require.Len(t, live, 4_220_096)
	ranges := n.LiveKernelRanges()
	for _, g := range gradients {
		if reached, ok := ranges[g.Name]; ok || g.IsConvKernel() {
			checkReached(t, g, reached, ok)
		}
		switch g.Name {
		case "layer4.1.conv1.weight": // on a 1×1 map: the centre only
			table := g.KernelMap()
			require.Positive(t, table[1][1])
			require.Equal(t, []float64{0, 0, 0}, table[0])
		case "layer1.0.conv1.weight":
			for _, row := range g.KernelMap() {
				for _, mean := range row {
					require.Positive(t, mean)
				}
			}
		}
	}
	_, err = n.Gradients(&cifar.Dataset{Pixels: make([]uint8, 5)})
	require.ErrorContains(t, err, "5 bytes")
}

// checkReached checks that exactly the rows and columns of the range, or all, get a gradient.
func checkReached(t *testing.T, g Gradient, reached [2]int, partly bool) {
	for y, row := range g.KernelMap() {
		for x, mean := range row {
			inside := !partly || min(y, x) >= reached[0] && max(y, x) <= reached[1]
			require.Equal(t, inside, mean != 0, "%s[%d][%d]", g.Name, y, x)
		}
	}
}

func TestNetwork(t *testing.T) {
	n, d := small(t, 3)
	one := d.Pixels[:cifar.ImageSize]

	alone, err := n.Logits(one, Evaluation, cifar.Normalize)
	require.NoError(t, err)
	among, err := n.Logits(d.Pixels, Evaluation, cifar.Normalize)
	require.NoError(t, err)
	require.Less(t, RelativeDifference(alone[0], among[0]), 1e-3, "in evaluation mode each image is for itself")
	training, err := n.Logits(d.Pixels, Training, cifar.Normalize)
	require.NoError(t, err)
	require.Greater(t, RelativeDifference(alone[0], training[0]), 0.01)

	maps, err := n.Maps(one)
	require.NoError(t, err)
	var sizes []int
	for _, m := range maps {
		sizes = append(sizes, len(m), len(m[0]), len(m[0][0]))
	}
	require.Equal(t, []int{8, 8, 64, 8, 8, 64, 4, 4, 128, 2, 2, 256, 1, 1, 512}, sizes)
	require.Equal(t, float64(maps[0][2][5][7]), maps[0].Channel(7)[2][5])

	features, err := n.Features(d.Pixels)
	require.NoError(t, err)
	require.Len(t, features, 3)
	for c, v := range features[0] {
		require.InDelta(t, maps[4][0][0][c], v, 1e-3, "the mean of a 1×1 map is its only place")
	}

	require.Equal(t, 3.0, Map{{{0, 3, 1}, {0, 0, 9}}, {{0, 0, 3}, {-1, 0, 0}}}.Largest([]int{0, 1}), "of the channels that are named")
	require.Equal(t, 5.0, Gradient{Values: []float32{3, 0, -4, 0}}.Norm())
	active, silent := Map{{{0, 3, 1}, {0, 0, 1}}, {{0, 0, 3}, {0, 0, 0}}}.MostActive(2)
	require.Equal(t, []int{2, 1}, active)
	require.Equal(t, 1, silent)

	heat, err := n.GradCAM(one, 3, 1)
	require.NoError(t, err)
	require.Len(t, heat, 8)
	for _, row := range heat {
		require.Len(t, row, 8)
	}
	_, err = n.GradCAM(one, 10, 1)
	require.ErrorContains(t, err, "class 10")

	kernels, err := n.FirstKernels()
	require.NoError(t, err)
	require.Len(t, kernels, 64)
	w, err := nn.Values(n.Store, n.Params()[0])
	require.NoError(t, err)
	require.Equal(t, float64(w[((2*7+5)*3+1)*64+9]), kernels[9][1][2][5], "row 2, column 5, green, output 9")

	alone, err = n.Logits(one, Evaluation, cifar.Normalize) // training mode has moved the running statistics
	require.NoError(t, err)
	bias := n.Params()[len(n.Params())-1]
	before, err := nn.Values(n.Store, bias)
	require.NoError(t, err)
	require.NoError(t, n.Perturb(bias.Name, 3, 10))
	perturbed, err := n.Logits(one, Evaluation, cifar.Normalize)
	require.NoError(t, err)
	for class, b := range before {
		require.InDelta(t, 2*b+10, perturbed[0][class]-alone[0][class], 1e-4, "3b + 10 instead of b")
	}
	require.ErrorContains(t, n.Perturb("fc.none", 10, 10), "fc.none")
}

// The weight of a channel is the mean of its gradient; what lowers the logit is cut off.
func TestHeat(t *testing.T) {
	t.Parallel()
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		maps := [][][][]float32{{{{1, 2}, {3, 0}}, {{0, 1}, {2, 5}}}}
		gradient := [][][][]float32{{{{4, -1}, {0, -3}}, {{0, 0}, {0, 0}}}} // means 1 and -1
		heat, err := graph.CallOnce(b, func(m, g *graph.Node) *graph.Node {
			return Heat(graph.ReduceAllSum(graph.Mul(m, g)), []*graph.Node{m}, 0)
		}, maps, gradient)
		require.NoError(t, err)
		require.Equal(t, [][][]float32{{{0, 3}, {0, 0}}}, heat.Value())
	})
}

// TestGradCAMByHand: after the last stage, whose map has one place, the class's logit is linear in the map, so the
// heat is the part of the logit that the class's weights and the map make, if that is positive.
func TestGradCAMByHand(t *testing.T) {
	n, d := small(t, 1)
	maps, err := n.Maps(d.Pixels)
	require.NoError(t, err)
	w, err := nn.Values(n.Store, nn.Param{Name: "fc.weight", Dims: []int{512, 10}})
	require.NoError(t, err)
	for class := range 10 {
		want := 0.0
		for c, v := range maps[4][0][0] {
			want += float64(v) * float64(w[10*c+class])
		}
		heat, err := n.GradCAM(d.Pixels, class, 4)
		require.NoError(t, err)
		require.InDelta(t, max(0, want), heat[0][0], 1e-3, class)
	}
}

// TestDescent: plain descent can be computed in the head, and Adam's first step is its rate.
func TestDescent(t *testing.T) {
	b, err := backend.New("go", nil)
	require.NoError(t, err)
	w, err := ApplyGradients(b, optim.SGD(0.1, 0, false, 0), 1, []float64{4, -2})
	require.NoError(t, err)
	require.InDelta(t, 0.8, w, 1e-6)
	w, err = ApplyGradients(b, optim.AdamL2(0.1, 0), 1, []float64{0.004})
	require.NoError(t, err)
	require.InDelta(t, 0.9, w, 1e-5)
	losses, err := MinimizeQuadratic(b, optim.SGD(0.01, 0, false, 0), 100, 3)
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{50.5, 0.5 * 0.99 * 0.99, 0.5 * math.Pow(0.99, 4)}, losses, 1e-4, "the steep part is gone in one step")
}
