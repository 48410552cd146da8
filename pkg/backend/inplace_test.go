package backend

import (
	"maps"
	"slices"
	"testing"
	"unsafe"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"
)

// A variable that is updated in place keeps its memory from the second step on (the first step still has the host's), and its
// values equal those of one that moves. On pure Go InPlace has no effect.
func TestInPlace(t *testing.T) {
	for _, config := range []string{"xla:cpu", "go"} {
		t.Run(config, func(t *testing.T) {
			b, err := New(config, nil)
			if err != nil {
				t.Skipf("does not start: %v", firstLine(err))
			}
			defer b.Finalize()
			store := model.NewStore()
			start := make([]float32, 1000)
			var vars []*model.Variable
			for _, path := range []string{"/moves", "/stays"} {
				v, err := store.CreateVariable(path, tensors.FromFlatDataAndDimensions(start, 1000))
				require.NoError(t, err)
				vars = append(vars, v)
			}
			exec, err := model.NewExec(b, store, func(s *model.Scope, x *graph.Node) *graph.Node {
				g := x.Graph()
				// The one is needed for the other's new value, which must not read what was overwritten.
				stays := vars[1].NodeValue(g)
				vars[1].SetNodeValue(graph.Add(graph.Mul(stays, x), vars[0].NodeValue(g)))
				vars[0].SetNodeValue(graph.Add(stays, x))
				InPlace(g.GetParameterByName("/stays"), 1)
				return graph.ReduceAllSum(stays)
			})
			require.NoError(t, err)
			defer exec.Finalize()
			places := map[unsafe.Pointer]int{}
			var moves, stays float32
			for range 8 {
				_, err := exec.Call(float32(2))
				require.NoError(t, err)
				moves, stays = stays+2, 2*stays+moves
				for i, want := range []float32{moves, stays} {
					v, err := vars[i].Value()
					require.NoError(t, err)
					require.NoError(t, tensors.ConstFlatData(v, func(flat []float32) {
						require.Equal(t, want, flat[0])
						require.Equal(t, want, flat[999])
						if i == 1 {
							places[unsafe.Pointer(unsafe.SliceData(flat))]++
						}
					}))
				}
			}
			if config != "go" {
				require.GreaterOrEqual(t, slices.Max(slices.Collect(maps.Values(places))), 7, "where it was: %v", places)
			}
		})
	}
}
