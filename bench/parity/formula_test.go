package parity

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/safetensors"
)

// The functions compute the same as those in formula.py, which gives the reasons.

// hashes yields 64 bits for each element of the named array: SplitMix64, started at the name's FNV-1a hash.
func hashes(name string) func() uint64 {
	state := uint64(0xcbf29ce484222325)
	for _, b := range []byte(name) {
		state = (state ^ uint64(b)) * 0x100000001b3
	}
	return func() uint64 {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
}

// uniform yields numbers in [-1, 1) that float32 represents exactly.
func uniform(name string) func() float64 {
	next := hashes(name)
	return func() float64 { return float64(next()>>40)/(1<<23) - 1 }
}

// weight computes a parameter or running statistic in PyTorch's layout.
func weight(p nn.Param) []float32 {
	dims := p.TorchDims()
	scaled := func(u float64) float64 { return 0.25 * u } // bias, running_mean
	switch {
	case len(dims) == 4:
		bound := math.Sqrt(6 / float64(dims[0]*dims[2]*dims[3]))
		scaled = func(u float64) float64 { return u * bound }
	case strings.HasPrefix(p.Name, "fc."):
		bound := math.Sqrt(512)
		scaled = func(u float64) float64 { return u / bound }
	case strings.HasSuffix(p.Name, "bn2.weight"):
		scaled = func(u float64) float64 { return 0.25 + 0.0625*u }
	case strings.HasSuffix(p.Name, "weight"), strings.HasSuffix(p.Name, "running_var"):
		scaled = func(u float64) float64 { return 1 + 0.25*u }
	}
	values, next := make([]float32, p.Size()), uniform(p.Name)
	for i := range values {
		values[i] = float32(scaled(next()))
	}
	return values
}

// weightsFile returns a file of weights like PyTorch's; values are in PyTorch's layout.
func weightsFile(t testing.TB, params []nn.Param, values func(nn.Param) []float32) []byte {
	var ts []safetensors.Tensor
	for _, p := range params {
		data, err := binary.Append(nil, binary.LittleEndian, values(p))
		require.NoError(t, err)
		ts = append(ts, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.TorchDims(), Data: data})
	}
	var b bytes.Buffer
	require.NoError(t, safetensors.Write(&b, ts, nil))
	return b.Bytes()
}

// network returns a store with the formula's weights, imported like a file from PyTorch.
func network(t testing.TB, c resnet.Config) *model.Store {
	file := weightsFile(t, c.Params(), weight)
	f, err := safetensors.Read(bytes.NewReader(file), int64(len(file)))
	require.NoError(t, err)
	store := model.NewStore()
	require.NoError(t, nn.ReadWeights(f, store, c.Params()))
	return store
}

// images returns n images, bytes [n, 32, 32, 3], and their labels.
func images(n int) (pixels []uint8, labels []int32) {
	block, noise, label := hashes("blocks"), hashes("noise"), hashes("labels")
	blocks := make([]uint64, n*4*4*cifar.Channels)
	for i := range blocks {
		blocks[i] = block() >> 56
	}
	for i := range n {
		for y := range cifar.Height {
			for x := range cifar.Width {
				for c := range cifar.Channels {
					at := ((i*4+y/8)*4+x/8)*cifar.Channels + c
					pixels = append(pixels, uint8((3*blocks[at]+noise()>>56)/4))
				}
			}
		}
		labels = append(labels, int32(label()%10))
	}
	return pixels, labels
}

const projections = 8

// sketch is an array's norm and its dot products with vectors of ±1 by the bits of the hash.
type sketch struct {
	Norm float64
	Dots []float64
}

func sketchOf(name string, values []float32) sketch {
	s := sketch{Dots: make([]float64, projections)}
	next := hashes("sketch " + name)
	for _, v := range values {
		x := float64(v)
		s.Norm += x * x
		for k, h := 0, next(); k < projections; k, h = k+1, h>>1 {
			s.Dots[k] += x * float64(1-2*int(h&1))
		}
	}
	s.Norm = math.Sqrt(s.Norm)
	return s
}

// distance estimates the norm of the difference of two arrays from their sketches. The norms alone would miss a
// rotation.
func (s sketch) distance(other sketch) float64 {
	sum := 0.0
	for k, d := range s.Dots {
		sum += (d - other.Dots[k]) * (d - other.Dots[k])
	}
	return math.Sqrt(sum / float64(len(s.Dots)))
}

// TestSketch: the distance of sketches estimates the distance of arrays.
func TestSketch(t *testing.T) {
	next, other := uniform("a"), uniform("b")
	a, b := make([]float32, 5000), make([]float32, 5000)
	norm := 0.0
	for i := range a {
		d := 0.01 * other()
		a[i] = float32(next())
		b[i] = a[i] + float32(d)
		norm += d * d
	}
	require.InEpsilon(t, math.Sqrt(norm), sketchOf("x", a).distance(sketchOf("x", b)), 0.5)
	require.Zero(t, sketchOf("x", a).distance(sketchOf("x", a)))
}
