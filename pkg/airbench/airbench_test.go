package airbench

import (
	"context"
	"image/color"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/runner"
)

var _ runner.Model = Net{}

// waves makes images whose class is the direction of their waves.
func waves(n int) *cifar.Dataset {
	rng := rand.New(rand.NewPCG(1, 2))
	d := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize), Labels: make([]uint16, n)}
	for i := range n {
		class := rng.IntN(10)
		d.Labels[i] = uint16(class)
		angle := math.Pi * float64(class) / 10
		phase := 2 * math.Pi * rng.Float64()
		for p := range cifar.ImageSize {
			x, y := float64(p/3%32), float64(p/96)
			wave := math.Sin(phase + 0.8*(x*math.Cos(angle)+y*math.Sin(angle)))
			d.Pixels[i*cifar.ImageSize+p] = uint8(120 + 60*wave + 15*rng.Float64())
		}
	}
	return d
}

func TestEigen(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	var a matrix
	for i := range a {
		for j := range i + 1 {
			a[i][j] = rng.NormFloat64()
			a[j][i] = a[i][j]
		}
	}
	values, v := eigen(a)
	for i := range a {
		for j := range a {
			product, identity := 0.0, 0.0
			for k := range a {
				product += v[i][k] * values[k] * v[j][k]
				identity += v[k][i] * v[k][j]
			}
			require.InDelta(t, a[i][j], product, 1e-12)
			want := 0.0
			if i == j {
				want = 1
			}
			require.InDelta(t, want, identity, 1e-12)
		}
	}
}

// Whitened patches are uncorrelated; their variances are 1, or less where there was hardly any; and the second half of the
// channels is the negative of the first.
func TestWhitening(t *testing.T) {
	t.Parallel()
	d := waves(200)
	kernel, covariance := Whitening(d), patchCovariance(d)
	values, _ := eigen(covariance)
	column := func(j int) (c [patchSize]float64) {
		for i := range c {
			c[i] = float64(kernel[i*whitened+j])
		}
		return c
	}
	largest := 0.0
	for _, v := range values {
		largest = max(largest, v)
	}
	for a := range patchSize {
		for b := range patchSize {
			got := 0.0
			for i, x := range column(a) {
				for j, y := range column(b) {
					got += x * covariance[i][j] * y
				}
			}
			switch {
			case a != b:
				require.InDelta(t, 0, got, 1e-4)
			case a == 0:
				require.InDelta(t, largest/(largest+varianceEpsilon), got, 1e-4)
			default:
				require.True(t, got > 0 && got < 1.0001)
			}
		}
		for i := range patchSize {
			require.Equal(t, column(a)[i], -column(a + patchSize)[i])
		}
	}
}

// The covariance is that of the images as the network gets them.
func TestPatchCovariance(t *testing.T) {
	t.Parallel()
	d := waves(1)
	got := patchCovariance(d)
	at := func(y, x, c int) float64 {
		byte := float64(d.Pixels[(y*32+x)*3+c])
		return (byte/255 - float64(cifar.Mean[c])) / float64(cifar.Std[c])
	}
	want := 0.0 // of the top right pixel's green and the bottom left one's blue
	for y := range 31 {
		for x := range 31 {
			want += at(y, x+1, 1) * at(y+1, x, 2) / (31 * 31)
		}
	}
	require.InDelta(t, want, got[3+1][6+2], 1e-9)
}

func TestSizes(t *testing.T) {
	t.Parallel()
	n := Net{Widths: [3]int{64, 256, 256}}
	// By hand: whitening, then two convolutions a group at 31 and 15, 15 and 7, 7 and 3, and the dense layer.
	want := 961*12*24 + 961*9*24*64 + 225*9*64*64 + 225*9*64*256 + 49*9*256*256 + 49*9*256*256 + 9*9*256*256 + 2560
	require.EqualValues(t, want, n.MACs())
	require.Equal(t, 24+9*(24*64+64*64+64*256+3*256*256)+2*(64+256+256)+2560, n.NumParams())
	require.Contains(t, n.String(), "64-256-256")
	for want, bad := range map[string]Net{
		"got widths [8 8 8]":  {Widths: [3]int{8, 8, 8}},
		"[64 32 32]":          {Widths: [3]int{64, 32, 32}},
		"3 whitening weights": {Widths: [3]int{24, 24, 24}, Whitening: make([]float32, 3)},
	} {
		require.ErrorContains(t, bad.Init(model.NewStore(), 1), want)
	}
}

// In evaluation the network computes what its description says, written out here in loops.
func TestLogits(t *testing.T) {
	t.Parallel()
	net := Net{Widths: [3]int{24, 26, 28}, Whitening: Whitening(waves(20))}
	images := make([]float32, 2*cifar.ImageSize)
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range images {
		images[i] = float32(rng.NormFloat64())
	}
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		store := trainedStore(t, net) // backends cannot share variables
		want := append(byHand(t, store, net, images[:cifar.ImageSize]), byHand(t, store, net, images[cifar.ImageSize:])...)
		exec, err := model.NewExec(b, store, func(scope *model.Scope, x *graph.Node) *graph.Node {
			scope.Store().SetTraining(x.Graph(), false)
			return net.Logits(scope, x)
		})
		require.NoError(t, err)
		defer exec.Finalize()
		out, err := exec.Call1(tensors.FromFlatDataAndDimensions(images, 2, 32, 32, 3))
		require.NoError(t, err)
		got, err := tensors.CopyFlatData[float32](out)
		require.NoError(t, err)
		for i := range want {
			require.InDelta(t, want[i], got[i], 1e-3)
		}
	})
}

// trainedStore has shifts and statistics that are not the initial ones.
func trainedStore(t *testing.T, net Net) *model.Store {
	store := model.NewStore()
	require.NoError(t, net.Init(store, 7))
	rng := rand.New(rand.NewPCG(7, 8))
	for _, p := range net.Params() {
		if len(p.Dims) == 1 {
			values := make([]float32, p.Size())
			for i := range values {
				values[i] = float32(0.1 + 0.3*rng.Float64())
			}
			require.NoError(t, store.GetVariable(p.Path()).SetValue(tensors.FromFlatDataAndDimensions(values, p.Dims...)))
		}
	}
	return store
}

// plane is a feature map: [size, size, channels].
type plane struct {
	size, channels int
	v              []float64
}

func (p plane) at(y, x, c int) float64 {
	if y < 0 || x < 0 || y >= p.size || x >= p.size {
		return 0
	}
	return p.v[(y*p.size+x)*p.channels+c]
}

// byHand is the network for one image.
func byHand(t *testing.T, store *model.Store, net Net, image []float32) []float64 {
	values := func(name string) []float32 {
		v, err := tensors.CopyFlatData[float32](store.GetVariable(nn.Param{Name: name}.Path()).MustValue())
		require.NoError(t, err)
		return v
	}
	convolve := func(x plane, name string, k, pad, out int) plane {
		w := values(name)
		y := plane{x.size - k + 1 + 2*pad, out, nil}
		for i := range y.size {
			for j := range y.size {
				for o := range out {
					sum := 0.0
					for tap := range k * k {
						for c := range x.channels {
							sum += x.at(i+tap/k-pad, j+tap%k-pad, c) * float64(w[(tap*x.channels+c)*out+o])
						}
					}
					y.v = append(y.v, sum)
				}
			}
		}
		return y
	}
	pool := func(x plane, k int) plane {
		y := plane{x.size / k, x.channels, nil}
		for i := range y.size {
			for j := range y.size {
				for c := range x.channels {
					m := math.Inf(-1)
					for p := range k * k {
						m = max(m, x.at(k*i+p/k, k*j+p%k, c))
					}
					y.v = append(y.v, m)
				}
			}
		}
		return y
	}
	each := func(x plane, f func(v float64, c int) float64) {
		for i := range x.v {
			x.v[i] = f(x.v[i], i%x.channels)
		}
	}
	gelu := func(v float64, _ int) float64 { return v * (1 + math.Erf(v/math.Sqrt2)) / 2 }
	norm := func(x plane, name string) {
		mean, variance, bias := values(name+".running_mean"), values(name+".running_var"), values(name+".bias")
		each(x, func(v float64, c int) float64 {
			return (v-float64(mean[c]))/math.Sqrt(float64(variance[c])+nn.Epsilon) + 8*float64(bias[c])
		})
		each(x, gelu)
	}
	x := plane{32, 3, nil}
	for _, v := range image {
		x.v = append(x.v, float64(v))
	}
	x = convolve(x, "whiten.weight", 2, 0, whitened)
	bias := values("whiten.bias")
	each(x, func(v float64, c int) float64 { return v + float64(bias[c]) })
	each(x, gelu)
	for i, width := range net.Widths {
		name := "group" + string(rune('1'+i))
		x = pool(convolve(x, name+".conv1.weight", 3, 1, width), 2)
		norm(x, name+".norm1")
		x = convolve(x, name+".conv2.weight", 3, 1, width)
		norm(x, name+".norm2")
	}
	x = pool(x, 3)
	logits := make([]float64, 10)
	for i, w := range values("fc.weight") {
		logits[i%10] += x.v[i/10] * float64(w) / 9
	}
	return logits
}

// At first, a convolution hands its first channels on unchanged.
func TestInitIsIdentity(t *testing.T) {
	t.Parallel()
	net := Net{Widths: [3]int{24, 30, 30}}
	for _, p := range net.Params() {
		if !strings.HasSuffix(p.Name, "conv1.weight") && !strings.HasSuffix(p.Name, "conv2.weight") {
			continue
		}
		in, out := p.Dims[2], p.Dims[3]
		bound, largest := 1/math.Sqrt(float64(9*in)), 0.0
		for i, v := range net.initialValues(p, 1) {
			tap, c, o := i/(in*out), i/out%in, i%out
			switch {
			case o >= in:
				largest = max(largest, math.Abs(float64(v)))
			case tap == 4 && c == o:
				require.EqualValues(t, 1, v, p.Name)
			default:
				require.Zero(t, v, p.Name)
			}
		}
		require.LessOrEqual(t, largest, bound, p.Name)
		if out > in {
			require.Greater(t, largest, 0.9*bound, "%s: the other channels are random", p.Name)
		}
	}
}

// It learns, and the frozen kernel stays as it is. (Pure Go has no graph to compile; TestLogits runs on XLA too.)
func TestTrains(t *testing.T) {
	t.Parallel()
	d := waves(48)
	net := Net{Widths: [3]int{24, 24, 24}, Whitening: Whitening(d)}
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	c := runner.Config{Epochs: 3, BatchSize: 16, LearningRate: 0.3, WeightDecay: 0.001, SaveEvery: time.Hour,
		Recipe: runner.Recipe{Optimizer: "nesterov", Momentum: 0.85, LabelSmoothing: 0.2}}
	r, err := runner.New(b, net, t.TempDir(), c)
	require.NoError(t, err)
	defer r.Finalize()
	r.Out = io.Discard
	require.NoError(t, r.Train(context.Background(), d, d.Take(8)))
	steps := r.History.Steps
	require.InDelta(t, math.Log(10), steps[0].Loss, 0.3)
	require.Less(t, steps[len(steps)-1].Loss, steps[0].Loss-0.05)
	kernel, err := nn.Values(r.Store(), net.Params()[0])
	require.NoError(t, err)
	require.Equal(t, net.Whitening, kernel)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	kernel := make([]float32, patchSize*whitened)
	kernel[(2*3+1)*whitened+5] = -2 // channel 5 looks for little green at the bottom left
	kernel[0*whitened+5] = 1
	for f := range whitened {
		kernel[11*whitened+f] = 1e-6 // a largest weight for each
	}
	img := Filters(kernel)[5]
	require.Equal(t, color.NRGBA{191, 128, 128, 255}, img.At(0, 0))
	require.Equal(t, color.NRGBA{128, 1, 128, 255}, img.At(0, 1))
}
