package runner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/optim"
)

// everything is a recipe in which nothing is the chapter's.
var everything = Recipe{
	Optimizer: "nesterov", Momentum: 0.8, MuonRate: 0.05, MuonMomentum: 0.7, LabelSmoothing: 0.1, FlipAverage: true,
	Schedule: optim.Schedule{Kind: "linear", Warmup: 0.3, Start: 0.2, End: 0.1},
	Augment:  cifar.Augment{Flip: "alternate", Shift: 2}, Lookahead: 4, PreciseNorm: 2, ShiftAverage: 1,
}

func TestRecipeErrors(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Recipe{
		`optimizer is "lion"`:       {Optimizer: "lion"},
		"momentum is 0.5 for":       {Momentum: 0.5},
		"momentum is 1,":            {Optimizer: "momentum", Momentum: 1},
		"Muon's learning rate is 2": {Optimizer: "sgd", MuonRate: 2},
		"want sgd, momentum":        {MuonRate: 0.1},
		"Muon's momentum is 0.9":    {Optimizer: "sgd", MuonMomentum: 0.9},
		"label smoothing is 1":      {LabelSmoothing: 1},
		"label smoothing is NaN":    {LabelSmoothing: math.NaN()},
		`flip is "up"`:              {Augment: cifar.Augment{Flip: "up"}},
		`schedule is "steps"`:       {Schedule: optim.Schedule{Kind: "steps"}},
		"lookahead is -1":           {Lookahead: -1},
		"precise norm is -1":        {PreciseNorm: -1},
		"shift average is 17":       {ShiftAverage: 17},
		"has no kind":               {Schedule: optim.Schedule{Warmup: 0.1}},
		"from 0 to less than 1, st": {Schedule: optim.Schedule{Kind: "cosine", Warmup: 1}},
	} {
		_, err := New(goBackend(t), toy{}, t.TempDir(), Config{Recipe: r})
		require.ErrorContains(t, err, want)
	}
}

func TestRecipeString(t *testing.T) {
	t.Parallel()
	require.Equal(t, "the chapter's", Recipe{}.String())
	require.Equal(t, "the chapter's", Recipe{Optimizer: "adam-l2"}.withDefaults().String())
	require.Equal(t, "momentum, momentum 0.9", Recipe{Optimizer: "momentum"}.withDefaults().String())
	require.Equal(t, "nesterov, momentum 0.8, Muon 0.05 for convolutions, Muon's momentum 0.7, linear schedule to 0.1 after 30% warm-up from 0.2, "+
		"label smoothing 0.1, alternate flip, shift by up to 2, lookahead every 4 steps, precise batch norm over 2 batches, test-time augmentation: flip, test-time augmentation: shift by 1", everything.String())
}

// The smoothed loss against its definition in float64.
func TestSmoothedLoss(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		logits := [][]float32{{1, -2, 0.5}, {0, 3, 3}}
		labels := [][]int32{{2}, {1}}
		for _, epsilon := range []float64{0, 0.2, 0.9} {
			want := 0.0
			for i, row := range logits {
				p := metrics.Softmax(row)
				for k := range p {
					q := epsilon / 3
					if k == int(labels[i][0]) {
						q += 1 - epsilon
					}
					want -= q * math.Log(p[k]) / 2
				}
			}
			got, err := graph.CallOnce(b, func(labels, logits *graph.Node) *graph.Node {
				return smoothedLoss(epsilon)([]*graph.Node{labels}, []*graph.Node{logits})
			}, labels, logits)
			require.NoError(t, err)
			require.InDelta(t, want, tensors.ToScalar[float32](got), 1e-6)
		}
	})
}

// sided is a toy that looks at the left half of an image only.
type sided struct{ toy }

func (m sided) Logits(scope *model.Scope, images *graph.Node) *graph.Node {
	return m.toy.Logits(scope, graph.Slice(images, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(0, 16)))
}

// moved has every pixel of the images taken from another place of the same image.
func moved(pixels []uint8, from func(y, x int) (int, int)) []uint8 {
	out := make([]uint8, 0, len(pixels))
	for i := 0; i < len(pixels); i += cifar.ImageSize {
		for y := range cifar.Height {
			for x := range cifar.Width {
				fy, fx := from(y, x)
				out = append(out, pixels[i+3*(cifar.Width*fy+fx):][:3]...)
			}
		}
	}
	return out
}

// Logits with FlipAverage and ShiftAverage are means of those without, for images flipped and shifted by hand.
func TestAverages(t *testing.T) {
	t.Parallel()
	d := toyDev()
	predict := func(r Recipe, pixels []uint8) [][]float32 {
		runner, _ := newToy(t, goBackend(t), sided{}, t.TempDir(), Config{Recipe: r})
		logits, err := runner.Predict(pixels)
		require.NoError(t, err)
		return logits
	}
	reflect := func(i int) int { // -1 is 1, 32 is 30
		if i < 0 {
			return -i
		}
		return min(i, 62-i)
	}
	shift := func(by int) func(y, x int) (int, int) {
		return func(y, x int) (int, int) { return reflect(y - by), reflect(x - by) }
	}
	flip := func(y, x int) (int, int) { return y, cifar.Width - 1 - x }
	one, other := predict(Recipe{}, d.Pixels), predict(Recipe{}, moved(d.Pixels, flip))
	upLeft, downRight := moved(d.Pixels, shift(-2)), moved(d.Pixels, shift(2))
	both := predict(Recipe{FlipAverage: true}, d.Pixels)
	shifts, all := predict(Recipe{ShiftAverage: 2}, d.Pixels), predict(Recipe{FlipAverage: true, ShiftAverage: 2}, d.Pixels)
	a, b := predict(Recipe{}, upLeft), predict(Recipe{}, downRight)
	aBoth, bBoth := predict(Recipe{FlipAverage: true}, upLeft), predict(Recipe{FlipAverage: true}, downRight)
	require.NotEqual(t, one, other)
	require.NotEqual(t, one, shifts)
	for i := range both {
		for k := range both[i] {
			require.InDelta(t, (one[i][k]+other[i][k])/2, both[i][k], 1e-5)
			require.InDelta(t, one[i][k]/2+a[i][k]/4+b[i][k]/4, shifts[i][k], 1e-5)
			require.InDelta(t, both[i][k]/2+aBoth[i][k]/4+bBoth[i][k]/4, all[i][k], 1e-5)
		}
	}
	r, _ := newToy(t, goBackend(t), sided{}, t.TempDir(), Config{Recipe: Recipe{FlipAverage: true}})
	accuracy, _, err := r.Evaluate(context.Background(), d)
	require.NoError(t, err)
	right := 0
	for i, row := range both {
		if metrics.TopK(metrics.Softmax(row), 1)[0] == int(d.Labels[i]) {
			right++
		}
	}
	require.InDelta(t, float64(right)/float64(d.Len()), accuracy, 1e-9)
}

// Each part of a recipe changes the training, the learning rate follows the schedule, and a run with all of them that is
// stopped anywhere resumes bit for bit.
func TestRecipeTrains(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		c := toyConfig
		c.Recipe = everything
		want := trainToy(t, b, t.TempDir(), c)
		for i, s := range want.history.Steps {
			require.Equal(t, float32(c.LearningRate*everything.Schedule.Factor(i, 15)), s.LearningRate)
		}
		for _, stop := range []int{0, 3, 4, 7, 13} {
			dir := t.TempDir()
			ctx, cancel := context.WithCancel(context.Background())
			r, out := newToy(t, b, toy{}, dir, c)
			out.on(fmt.Sprintf("step: %d/", stop), cancel)
			require.ErrorIs(t, r.Train(ctx, toyTrain(), toyDev()), ErrStopped)
			requireSame(t, want, trainToy(t, b, dir, c), "stopped at step %d", stop)
			cancel()
		}
	})
}

func TestRecipeMatters(t *testing.T) {
	t.Parallel()
	train := func(r Recipe, m Model) []Step {
		c := toyConfig
		c.Recipe = r
		runner, _ := newToy(t, goBackend(t), m, t.TempDir(), c)
		require.NoError(t, runner.Train(context.Background(), toyTrain(), toyDev()))
		return untimed(runner.History.Steps)
	}
	chapter := train(Recipe{}, sided{})
	require.Equal(t, chapter, train(Recipe{Optimizer: "adam-l2"}, sided{}))
	seen := [][]Step{chapter}
	for _, r := range []Recipe{
		{Optimizer: "adamw"}, {Optimizer: "sgd"}, {Optimizer: "momentum"}, {Optimizer: "nesterov"}, {Optimizer: "nesterov", Momentum: 0.5},
		{LabelSmoothing: 0.1}, {Lookahead: 4}, {Augment: cifar.Augment{Flip: "random"}}, {Augment: cifar.Augment{Shift: 4}},
		{Schedule: optim.Schedule{Kind: "linear"}}, {Schedule: optim.Schedule{Kind: "cosine"}},
	} {
		steps := train(r, sided{})
		require.False(t, slices.ContainsFunc(seen, func(s []Step) bool { return slices.Equal(s, steps) }), "%v changes nothing", r)
		seen = append(seen, steps)
	}
}

// The statistics that PreciseNorm leaves are the means over the first images, not those of training.
func TestPreciseNorm(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		d := toyTrain()
		runningMean := func(batches int) []float32 {
			c := toyConfig
			c.Recipe.PreciseNorm = batches
			r, _ := newToy(t, b, toy{}, t.TempDir(), c)
			require.NoError(t, r.Train(context.Background(), d, toyDev()))
			got, err := tensors.CopyFlatData[float32](r.Store().GetVariable("/norm/running_mean").MustValue())
			require.NoError(t, err)
			return got
		}
		left := runningMean(0)
		for _, batches := range []int{1, 3, 1000} {
			seen := min(batches, d.Len()/toyConfig.BatchSize) * toyConfig.BatchSize * cifar.Height * cifar.Width
			want := make([]float64, 3)
			for i, v := range d.Pixels[:3*seen] {
				want[i%3] += (float64(v)/255 - float64(cifar.Mean[i%3])) / float64(cifar.Std[i%3]) / float64(seen)
			}
			got := runningMean(batches)
			require.InDeltaSlice(t, want, got, 1e-5, "%d batches", batches)
			require.NotEqual(t, left, got)
		}
	})
}

// Nothing of the earlier statistics remains, not even by rounding: a run that is stopped after PreciseNorm and resumed computes them
// again, from those that PreciseNorm left.
func TestPreciseNormForgets(t *testing.T) {
	t.Parallel()
	onBackends(t, func(t *testing.T, b compute.Backend) {
		c := toyConfig
		c.Recipe.PreciseNorm = 2
		r, _ := newToy(t, b, small{}, t.TempDir(), c)
		from := func(earlier float32) (statistics [][]float32) {
			names := []string{"/bn/running_mean", "/bn/running_var"}
			for _, name := range names {
				require.NoError(t, r.Store().GetVariable(name).SetValue(tensors.FromValue(slices.Repeat([]float32{earlier}, 4))))
			}
			require.NoError(t, (&training{Runner: r, train: toyTrain()}).setPreciseNorm())
			for _, name := range names {
				values, err := tensors.CopyFlatData[float32](r.Store().GetVariable(name).MustValue())
				require.NoError(t, err)
				statistics = append(statistics, values)
			}
			return statistics
		}
		require.Equal(t, from(0), from(1e6))
	})
}

// A run does not resume with another recipe, nor with another number of epochs if there is a schedule.
func TestRecipeIsIdentity(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	c := toyConfig
	c.Recipe = everything
	trainToy(t, b, dir, c)
	refuse := func(c Config, want string) {
		r, _ := newToy(t, b, toy{}, dir, c)
		require.ErrorContains(t, r.Train(context.Background(), toyTrain(), toyDev()), want)
	}
	more := c
	more.Epochs = 4
	refuse(more, "epochs of the schedule: got 3, want 4")
	more = c
	more.Recipe.LabelSmoothing = 0
	refuse(more, "recipe: got nesterov, momentum 0.8")
	refuse(toyConfig, ", want the chapter's")
}

// A negative weight decay means none, and 0 the chapter's. (1e-300 is 0 in float32.)
func TestNoWeightDecay(t *testing.T) {
	t.Parallel()
	steps := func(decay float64) []Step {
		c := toyConfig
		c.WeightDecay = decay
		return untimed(trainToy(t, goBackend(t), t.TempDir(), c).history.Steps)
	}
	none := steps(-1)
	require.Equal(t, steps(1e-300), none)
	require.NotEqual(t, steps(0), none)
}
