package pretrained

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/safetensors"
)

// trained fills a store with weights and running statistics as after a training: none is 0 or 1.
func trained(t testing.TB, params []nn.Param) *model.Store {
	store, rng := model.NewStore(), rand.New(rand.NewPCG(1, 2))
	for _, p := range params {
		values := make([]float32, p.Size())
		for i := range values {
			switch {
			case len(p.Dims) > 1:
				values[i] = float32(rng.NormFloat64() * math.Sqrt(2/float64(p.Size()/p.Dims[len(p.Dims)-1])))
			default:
				values[i] = 0.5 + rng.Float32()
			}
		}
		require.NoError(t, nn.SetValues(store, p, values))
	}
	return store
}

func written(t testing.TB, store *model.Store, params []nn.Param, live Live, dtype string, others ...safetensors.Tensor) []byte {
	var b bytes.Buffer
	info := Info{Network: "test", DType: dtype, Accuracy: 0.5, Commit: "abc"}
	require.NoError(t, Write(&b, store, params, SameName, live, info, others...))
	return b.Bytes()
}

func loaded(t testing.TB, file []byte, params []nn.Param) *model.Store {
	w, err := Open(file)
	require.NoError(t, err)
	store := model.NewStore()
	require.NoError(t, w.Load(store, params))
	return store
}

// small is a network with every kind of variable. Of the kernel "a" the data reaches rows and columns 1 and 2, of "b" all.
var (
	small = []nn.Param{
		{Name: "a.weight", Dims: []int{3, 3, 2, 4}, Trainable: true}, {Name: "b.weight", Dims: []int{3, 3, 4, 5}, Trainable: true},
		{Name: "bn.running_var", Dims: []int{4}}, {Name: "fc.weight", Dims: []int{5, 3}, Trainable: true}, {Name: "fc.bias", Dims: []int{3}, Trainable: true},
	}
	smallLive = Live{"a.weight": {1, 2}}
)

// Weights that no data reaches become zero, the others what rounding to the type makes of them.
func TestRounding(t *testing.T) {
	t.Parallel()
	store := trained(t, small)
	for dtype, bound := range map[string]func(v, largest float64) float64{
		float32Type:  func(v, _ float64) float64 { return 0 },
		float16Type:  func(v, _ float64) float64 { return max(math.Abs(v)/(1<<11), 1.0/(1<<25)) },
		bfloat16Type: func(v, _ float64) float64 { return math.Abs(v) / (1 << 8) },
		int8Type:     func(_, largest float64) float64 { return largest / 127 / 2 * 1.0001 },
	} {
		back := loaded(t, written(t, store, small, smallLive, dtype), small)
		for _, p := range small {
			want, err := nn.Values(store, p)
			require.NoError(t, err)
			got, err := nn.Values(back, p)
			require.NoError(t, err)
			require.Equal(t, p.Trainable, back.GetVariable(p.Path()).Trainable)
			out := p.Dims[len(p.Dims)-1]
			largest := make([]float64, out)
			for i, v := range want {
				if !reached(p, i) {
					continue
				}
				largest[i%out] = max(largest[i%out], math.Abs(float64(v)))
			}
			for i, v := range want {
				switch {
				case !reached(p, i):
					require.Zero(t, got[i], "%s %s[%d]", dtype, p.Name, i)
				case len(p.Dims) == 1:
					require.Equal(t, v, got[i])
				default:
					require.InDelta(t, v, got[i], bound(float64(v), largest[i%out]), "%s %s[%d]", dtype, p.Name, i)
				}
			}
		}
	}
}

// reached reports whether the data reaches value i of a variable of small.
func reached(p nn.Param, i int) bool {
	live, ok := smallLive[p.Name]
	if !ok {
		return true
	}
	k := p.Dims[0]
	position := i / (p.Dims[2] * p.Dims[3])
	row, column := position/k, position%k
	return row >= live[0] && row <= live[1] && column >= live[0] && column <= live[1]
}

// The restored network computes the logits of the original: exactly with float32, although 62% of the weights are gone. The
// bounds are relative to the largest logit and a few times what rounding does here.
func TestLogits(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates networks on pure Go")
	}
	t.Parallel()
	b := graphtest.Start(t, "go")
	for name, c := range map[string]resnet.Config{"library": resnet.Library(), "custom": resnet.Custom(3, 10, true), "plain": resnet.Custom(3, 10, false)} {
		store, images := trained(t, c.Params()), graphtest.Random(2, 32, 32, 3)
		want := logits(t, b, c, store, images)
		for dtype, bound := range map[string]float64{float32Type: 0, float16Type: 0.002, bfloat16Type: 0.02, int8Type: 0.1} {
			file := written(t, store, c.Params(), c.LiveKernelRanges(), dtype)
			got := logits(t, b, c, loaded(t, file, c.Params()), images)
			largest, difference := 0.0, 0.0
			for i := range want {
				largest = max(largest, math.Abs(float64(want[i])))
				difference = max(difference, math.Abs(float64(want[i]-got[i])))
			}
			require.LessOrEqual(t, difference/largest, bound, "%s, %s", name, dtype)
		}
	}
}

func logits(t *testing.T, b compute.Backend, c resnet.Config, store *model.Store, images *tensors.Tensor) []float32 {
	out, err := model.CallOnceN(b, store, func(s *model.Scope, x *graph.Node) *graph.Node {
		s.Store().SetTraining(x.Graph(), false)
		return c.Logits(s, x)
	}, images)
	require.NoError(t, err)
	values, err := tensors.CopyFlatData[float32](out[0])
	require.NoError(t, err)
	return values
}

// The metadata and tensors that are not weights come back. A file may be unpacked already.
func TestOpen(t *testing.T) {
	t.Parallel()
	other := safetensors.Tensor{Name: "history/log", DType: "U8", Shape: []int{3}, Data: []byte("abc")}
	file := written(t, trained(t, small), small, smallLive, bfloat16Type, other)
	unpacked, err := unpack(file)
	require.NoError(t, err)
	require.Less(t, len(file), len(unpacked))
	for _, data := range [][]byte{file, unpacked} {
		w, err := Open(data)
		require.NoError(t, err)
		require.Equal(t, Info{Network: "test", DType: bfloat16Type, Accuracy: 0.5, Commit: "abc"}, w.Info)
		others, err := w.Others()
		require.NoError(t, err)
		require.Equal(t, []safetensors.Tensor{other}, others)
		require.NoError(t, w.Load(model.NewStore(), small))
	}
}

// A network with names of its own translates them.
func TestLoadAs(t *testing.T) {
	t.Parallel()
	store := trained(t, small)
	w, err := Open(written(t, store, small, smallLive, float32Type))
	require.NoError(t, err)
	ours := make([]nn.Param, len(small))
	for i, p := range small {
		ours[i] = p
		ours[i].Name = "our." + p.Name
	}
	back := model.NewStore()
	require.NoError(t, w.LoadAs(back, ours, func(name string) string { return strings.TrimPrefix(name, "our.") }))
	want, err1 := nn.Values(store, small[1])
	got, err2 := nn.Values(back, ours[1])
	require.NoError(t, err1)
	require.NoError(t, err2)
	require.Equal(t, want, got)
	err = w.LoadAs(model.NewStore(), ours, func(string) string { return "a.weight" })
	require.ErrorContains(t, err, `two variables have the name "a.weight"`)
}

// A network with another last layer takes all others.
func TestLoadFeatures(t *testing.T) {
	t.Parallel()
	file := written(t, trained(t, small), small, smallLive, int8Type)
	wide := append(slices.Clone(small[:3]), nn.Param{Name: "fc.weight", Dims: []int{5, 7}, Trainable: true})
	w, err := Open(file)
	require.NoError(t, err)
	store, all := trained(t, wide), loaded(t, file, small)
	head, err := nn.Values(store, wide[3])
	require.NoError(t, err)
	require.NoError(t, w.LoadFeatures(store, wide))
	for i, p := range wide {
		got, err := nn.Values(store, p)
		require.NoError(t, err)
		want := head
		if i < 3 {
			want, err = nn.Values(all, p)
			require.NoError(t, err)
		}
		require.Equal(t, want, got, p.Name)
	}
	require.ErrorIs(t, w.LoadFeatures(model.NewStore(), small[:1]), nn.ErrArchitecture)
}

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	p := []nn.Param{{Name: "a.weight", Dims: []int{1, 1}}}
	for name, test := range map[string]struct {
		value float32
		dtype string
		other string
		want  string
	}{
		"dtype":           {1, "F64", "history/x", `dtype is "F64", want one of [F32 F16 BF16 I8]`},
		"float16's range": {1e6, float16Type, "history/x", "the weight 1e+06 is +Inf in F16"},
		"not a number":    {float32(math.NaN()), bfloat16Type, "history/x", "the weight NaN is NaN in BF16"},
		"infinite":        {float32(math.Inf(1)), int8Type, "history/x", "output channel 0 has the weight +Inf"},
		"other":           {1, int8Type, "x", `want a name that begins with "history/"`},
	} {
		t.Run(name, func(t *testing.T) {
			store := model.NewStore()
			require.NoError(t, nn.SetValues(store, p[0], []float32{test.value}))
			err := Write(&bytes.Buffer{}, store, p, SameName, nil, Info{DType: test.dtype}, safetensors.Tensor{Name: test.other, DType: "U8", Shape: []int{0}})
			require.ErrorContains(t, err, test.want)
		})
	}
}
