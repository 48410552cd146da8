package optim

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestScheduleFactor(t *testing.T) {
	t.Parallel()
	triangle := Schedule{Kind: "linear", Warmup: 0.2, Start: 0.2, End: 0.1}
	cosine := Schedule{Kind: "cosine", Warmup: 0.5, End: 0.2}
	for _, c := range []struct {
		s           Schedule
		step, total int
		want        float64
	}{
		{Schedule{}, 7, 10, 1},
		{triangle, 0, 100, 0.2}, {triangle, 5, 100, 0.4}, {triangle, 20, 100, 1}, {triangle, 60, 100, 0.55}, {triangle, 99, 100, 1 - 0.9*79/80},
		{cosine, 0, 8, 0}, {cosine, 2, 8, 0.5}, {cosine, 4, 8, 1}, {cosine, 6, 8, 0.6}, {cosine, 5, 8, 0.2 + 0.4*(1+math.Sqrt2/2)},
		{Schedule{Kind: "cosine"}, 0, 3, 1}, {Schedule{Kind: "linear"}, 2, 4, 0.5},
	} {
		require.InDelta(t, c.want, c.s.Factor(c.step, c.total), 1e-12, "%v at step %d of %d", c.s, c.step, c.total)
	}
}
