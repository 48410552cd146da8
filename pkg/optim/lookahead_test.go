package optim

import (
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"
	"nndl.example/resnet18/pkg/internal/graphtest"
)

// The slow copy and the weights, by hand: d = 0, then a quarter, then a half.
func TestLookahead(t *testing.T) {
	t.Parallel()
	graphtest.OnEach(t, func(t *testing.T, b compute.Backend) {
		store := model.NewStore()
		v, err := store.CreateVariable("/layer/weight", tensors.FromValue([]float32{4, -8}))
		require.NoError(t, err)
		l, err := NewLookahead(b, store)
		require.NoError(t, err)
		for _, step := range []struct {
			fast []float32
			d    float64
			want []float32
		}{{[]float32{4, -8}, 0, []float32{4, -8}}, {[]float32{8, 0}, 0.25, []float32{7, -2}}, {[]float32{1, 2}, 0.5, []float32{4, 0}}} {
			require.NoError(t, v.SetValue(tensors.FromValue(step.fast)))
			require.NoError(t, l.average(step.d))
			require.Equal(t, step.want, v.MustValue().Value())
		}
	})
}
