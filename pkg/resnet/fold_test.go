package resnet

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/internal/graphtest"
	"nndl.example/resnet18/pkg/nn"
)

// TestFold: the folded network computes the network's logits and maps, also where batch norm's statistics are not the initial ones.
func TestFold(t *testing.T) {
	t.Parallel()
	b := graphtest.Start(t, "go")
	for _, c := range []Config{{NumClasses: 10}, {NumClasses: 5, Plain: true}, {NumClasses: 3, InChannels: 1},
		{NumClasses: 3, Stem: CIFARStem}, {NumClasses: 4, Depth: 34}} {
		store := initialised(t, c, 1)
		for _, p := range c.Params() {
			if len(p.Dims) == 1 {
				rng, v := p.Generator(2), make([]float32, p.Size())
				for i := range v {
					v[i] = float32(0.5 + rng.Float64())
				}
				require.NoError(t, nn.SetValues(store, p, v))
			}
		}
		folded, err := c.Fold(store)
		require.NoError(t, err)
		size := 0
		for v := range folded.Store.IterVariables() {
			size += v.Shape().Size()
		}
		limit := c.Summary().Live() * 9 / 8
		if c.Stem == CIFARStem { // more maps are large enough for Winograd's method, whose kernels have 16 values for each 9
			limit = c.Summary().Live() * 16 / 9
		}
		require.Less(t, size, limit, "as many values as live parameters")
		images := graphtest.Random(2, 32, 32, c.withDefaults().InChannels)
		evaluate := func(store *model.Store, f func(*model.Scope, *graph.Node) (*graph.Node, []*graph.Node)) []*tensors.Tensor {
			out, err := model.CallOnceN(b, store, func(s *model.Scope, x *graph.Node) []*graph.Node {
				s.Store().SetTraining(x.Graph(), false)
				logits, maps := f(s, x)
				return append(maps, logits)
			}, images)
			require.NoError(t, err)
			return out
		}
		want, got := evaluate(store, c.LogitsAndMaps), evaluate(folded.Store, folded.LogitsAndMaps)
		require.Len(t, got, 6)
		for i := range want {
			require.Equal(t, want[i].Shape(), got[i].Shape())
			require.Less(t, graphtest.Distance(tensors.MustCopyFlatData[float32](want[i]), tensors.MustCopyFlatData[float32](got[i])), 1e-5, "%s, output %d", c, i)
		}
	}
	_, err := Custom(3, 10, true).Fold(model.NewStore())
	require.ErrorContains(t, err, `"conv1.weight" is not in the store`)
}
