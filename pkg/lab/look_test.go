package lab

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
)

// small is a lab on the pure-Go backend, and n images with every second pixel bright and classes in turn.
func small(t *testing.T, n int) (*Lab, *cifar.Dataset) {
	b, err := backend.New("go", nil)
	require.NoError(t, err)
	d := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize)}
	for i := range d.Pixels {
		d.Pixels[i] = uint8(i * i % 251)
	}
	for i := range n {
		d.Labels = append(d.Labels, uint8(i%cifar.NumClasses))
	}
	return &Lab{Backend: b}, d
}

// TestDead: of the kernels' weights 6,946,816 of 11,166,912 get exactly no gradient from the data with the chapter's
// stem, which is what the summary derives from the sizes of the maps.
func TestDead(t *testing.T) {
	l, d := small(t, 4)
	n, err := l.Fresh(resnet.Custom(3, 10, true), 100)
	require.NoError(t, err)
	gradients, err := n.Gradients(d)
	require.NoError(t, err)
	dead, live, err := n.Dead(gradients)
	require.NoError(t, err)
	s := n.Summary()
	require.Len(t, dead, s.Params()-s.Live())
	require.Len(t, dead, 6_946_816)
	require.Len(t, live, 4_220_096)
	for _, g := range gradients {
		switch g.Name {
		case "layer4.1.conv1.weight": // on a 1×1 map: the centre only
			taps := g.Taps()
			require.Positive(t, taps[1][1])
			require.Equal(t, []float64{0, 0, 0}, taps[0])
			require.Equal(t, 8*512*512, g.Zeros()/(512*512)*(512*512))
		case "layer1.0.conv1.weight":
			require.Zero(t, g.Zeros())
		}
	}
	_, err = n.Gradients(&cifar.Dataset{Pixels: make([]uint8, 5)})
	require.ErrorContains(t, err, "5 bytes")
}

func TestNetwork(t *testing.T) {
	l, d := small(t, 3)
	n, err := l.Fresh(resnet.Custom(3, 10, true), 100)
	require.NoError(t, err)
	one := d.Pixels[:cifar.ImageSize]

	alone, err := n.Logits(one, Evaluation, cifar.Normalize)
	require.NoError(t, err)
	among, err := n.Logits(d.Pixels, Evaluation, cifar.Normalize)
	require.NoError(t, err)
	require.Less(t, Change(alone[0], among[0]), 1e-3, "in evaluation mode each image is for itself")
	training, err := n.Logits(d.Pixels, Training, cifar.Normalize)
	require.NoError(t, err)
	require.Greater(t, Change(alone[0], training[0]), 0.01)

	maps, err := n.Maps(one)
	require.NoError(t, err)
	var sizes []int
	for _, m := range maps {
		sizes = append(sizes, len(m), len(m[0]), len(m[0][0]))
	}
	require.Equal(t, []int{8, 8, 64, 8, 8, 64, 4, 4, 128, 2, 2, 256, 1, 1, 512}, sizes)
	require.Equal(t, float64(maps[0][2][5][7]), maps[0].Channel(7)[2][5])

	strongest, silent := Map{{{0, 3, 1}, {0, 0, 1}}, {{0, 0, 3}, {0, 0, 0}}}.Strongest(2)
	require.Equal(t, []int{2, 1}, strongest)
	require.Equal(t, 1, silent)

	heat, err := n.GradCAM(one, 3, 1)
	require.NoError(t, err)
	require.Len(t, heat, 8)
	for _, row := range heat {
		require.Len(t, row, 8)
		for _, v := range row {
			require.GreaterOrEqual(t, v, 0.0)
		}
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
	require.NoError(t, n.Spoil("fc.bias", 10))
	spoiled, err := n.Logits(one, Evaluation, cifar.Normalize)
	require.NoError(t, err)
	require.Greater(t, spoiled[0][0]-alone[0][0], float32(5))
	require.Greater(t, spoiled[0][9]-alone[0][9], float32(5))
	require.ErrorContains(t, n.Spoil("fc.none", 10), "fc.none")
}

// TestGradCAMByHand: behind the last stage, whose map has one place, the class's logit is linear in the map, so that the
// heat is the part of the logit that the class's weights and the map make, if that is positive.
func TestGradCAMByHand(t *testing.T) {
	l, d := small(t, 1)
	n, err := l.Fresh(resnet.Custom(3, 10, true), 100)
	require.NoError(t, err)
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

func TestLosses(t *testing.T) {
	t.Parallel()
	losses := Losses([][]float32{{0, 0}, {0, 100}, {100, 0}}, []uint8{1, 1, 1})
	require.InDeltaSlice(t, []float64{math.Ln2, 0, 100}, losses, 1e-9)
	require.InDelta(t, math.Sqrt(2), RowSpread([][]float32{{1, 3}, {10, 12}}), 1e-9, "within the rows")
}
