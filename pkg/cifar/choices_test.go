package cifar

import (
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"
)

// Gathered by their choices inside a graph, batches are those of Epoch.
func TestChoices(t *testing.T) {
	t.Parallel()
	d := numbered(23)
	for _, a := range []Augment{{}, {Flip: "random", Shift: 3}} {
		l := newLoader(t, d, 5, 1)
		require.NoError(t, l.Augment(a))
		images, labels := l.Images()
		const from, batches = 1, 3
		choices := l.Choices(2, from, batches)
		i := from
		for want, err := range l.Epoch(2, from) {
			require.NoError(t, err)
			if i == from+batches {
				break
			}
			got, err := graph.CallOnceN(l.backend, func(images, labels, choices *graph.Node) (x, y *graph.Node) {
				choice := graph.Slice(choices, graph.AxisElem(i-from))
				return l.Gather(images, labels, graph.Squeeze(choice, 0))
			}, images, labels, choices)
			require.NoError(t, err)
			for k, w := range []*tensors.Tensor{want.Inputs[0], want.Labels[0]} {
				require.True(t, w.Equal(got[k]), "batch %d, augmentation %v: %v is not %v", i, a, got[k], w)
			}
			i++
		}
		require.Equal(t, from+batches, i)
	}
}
