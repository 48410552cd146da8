package resnet

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/safetensors"
)

func initialised(t *testing.T, c Config, seed uint64) *model.Store {
	t.Helper()
	store := model.NewStore()
	require.NoError(t, c.Init(store, seed))
	return store
}

func values(t *testing.T, c Config, store *model.Store, name string) []float32 {
	t.Helper()
	i := slices.IndexFunc(c.Params(), func(p nn.Param) bool { return p.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	v, err := nn.Values(store, c.Params()[i])
	require.NoError(t, err)
	return v
}

func TestParams(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		config           Config
		trainable, stats int
	}{{Library(), 11689512, 9600}, {Custom(3, 10, true), 11181642, 9600}, {Custom(3, 10, false), 11181642 - 172032 - 2*896, 7808}} {
		trainable, stats := 0, 0
		for _, p := range test.config.Params() {
			if p.Trainable {
				trainable += p.Size()
			} else {
				stats += p.Size()
			}
		}
		require.Equal(t, test.trainable, trainable, test.config)
		require.Equal(t, test.stats, stats, test.config)
		require.Equal(t, test.trainable, test.config.Summary().Params(), test.config)
		require.Equal(t, test.stats, test.config.Summary().Stats(), test.config)
	}
	p := Library().Params()
	require.Equal(t, nn.Param{Name: "conv1.weight", Dims: []int{7, 7, 3, 64}, Trainable: true}, p[0])
	require.Equal(t, []int{64, 3, 7, 7}, p[0].TorchDims())
	require.Equal(t, "/layer2/0/downsample/0/weight", nn.Param{Name: "layer2.0.downsample.0.weight"}.Path())
	require.Equal(t, []int{1000, 512}, p[len(p)-2].TorchDims())
}

func TestInit(t *testing.T) {
	t.Parallel()
	library, custom := initialised(t, Library(), 7), initialised(t, Custom(3, 10, true), 7)
	for _, p := range Custom(3, 10, true).Params() {
		v := values(t, Custom(3, 10, true), custom, p.Name)
		if p.Name != "fc.weight" && p.Name != "fc.bias" {
			require.Equal(t, v, values(t, Library(), library, p.Name), "the same seed must start %s the same", p.Name)
		}
		if len(p.Dims) != 4 {
			continue
		}
		sum, squares := 0.0, 0.0
		for _, x := range v {
			sum += float64(x)
			squares += float64(x) * float64(x)
		}
		want := math.Sqrt(2 / float64(p.Dims[0]*p.Dims[1]*p.Dims[3]))
		require.InEpsilon(t, want, math.Sqrt(squares/float64(len(v))), 0.03, p.Name)
		require.InDelta(t, 0, sum/float64(len(v)), 5*want/math.Sqrt(float64(len(v))), p.Name)
	}
	require.NotEqual(t, values(t, Library(), library, "conv1.weight"), values(t, Library(), initialised(t, Library(), 8), "conv1.weight"))
	for _, x := range values(t, Library(), library, "fc.weight") {
		require.LessOrEqual(t, math.Abs(float64(x)), 1/math.Sqrt(512))
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, Config{}.Validate())
	for want, c := range map[string]Config{
		"Depth is 50": {Depth: 50}, "InChannels is -1": {InChannels: -1}, "NumClasses is 1": {NumClasses: 1}, `Stem is "vit"`: {Stem: "vit"}, `Lowering is "fft"`: {Lowering: "fft"},
	} {
		require.ErrorContains(t, c.Validate(), want)
		require.ErrorContains(t, c.Init(model.NewStore(), 1), want)
	}
}

// TestFirstLoss: an untrained network's cross-entropy is near ln K plus half the logits' variance.
func TestFirstLoss(t *testing.T) {
	b := graphtest.Start(t, "go") // where XLA would spend its time on compiling
	for _, test := range []struct {
		config    Config
		low, high float64
	}{{Library(), 6.9, 7.7}, {Custom(3, 10, true), 2.2, 3.2}, {Custom(3, 10, false), 2.2, 3.2}} {
		store := initialised(t, test.config, 100)
		exec, err := model.NewExec(b, store, func(s *model.Scope, x *graph.Node) *graph.Node {
			s.Store().SetTraining(x.Graph(), true)
			return graph.LogSoftmax(test.config.Logits(s, x))
		})
		require.NoError(t, err)
		out, err := exec.Call1(graphtest.Random(32, 32, 32, 3))
		require.NoError(t, err)
		logp, loss := tensors.MustCopyFlatData[float32](out), 0.0
		for i := range 32 {
			loss -= float64(logp[i*len(logp)/32+i%10]) / 32
		}
		require.Greater(t, loss, test.low, test.config)
		require.Less(t, loss, test.high, test.config)
	}
}

func TestWeightsRoundTrip(t *testing.T) {
	t.Parallel()
	c := Custom(3, 10, true)
	from, to := initialised(t, c, 1), initialised(t, c, 2)
	var file bytes.Buffer
	require.NoError(t, nn.WriteWeights(&file, from, c.Params(), map[string]string{"format": "pt"}))
	f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	require.NoError(t, nn.ReadWeights(f, to, c.Params()))
	for _, p := range c.Params() {
		require.Equal(t, values(t, c, from, p.Name), values(t, c, to, p.Name), p.Name)
	}
	var again bytes.Buffer
	require.NoError(t, nn.WriteWeights(&again, to, c.Params(), map[string]string{"format": "pt"}))
	require.True(t, bytes.Equal(file.Bytes(), again.Bytes()), "import, then export, must give the same file")
}
