package main

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/runner"
)

// constant is the schedule of a constant learning rate.
const constant = "constant"

var (
	optimizers = optim.Names
	schedules  = []string{constant, "linear", "cosine"}
)

// hyperparameters holds train's flags that change what a training step does.
type hyperparameters struct {
	rate, momentum, decay, warmup, smoothing float64
	batch                                    int
	seed                                     uint64
	optimizer, schedule, augment             string
	set                                      *pflag.FlagSet
}

// flags returns the flags; their defaults are the chapter's settings.
func (h *hyperparameters) flags() *pflag.FlagSet {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SortFlags = false
	f.Float64Var(&h.rate, "lr", 0.001, "`RATE`: learning rate")
	f.IntVar(&h.batch, "batch", 64, "`NUMBER`: images in a training step")
	f.StringVar(&h.optimizer, "optimizer", optimizers[0], "`NAME`: "+oneOf(optimizers))
	f.Float64Var(&h.momentum, "momentum", 0.9, "`FACTOR`: momentum of the optimizers momentum and nesterov")
	f.Float64Var(&h.decay, "weight-decay", 0.005, "`FACTOR`: weight decay, 0 for none; decoupled for adamw, L2 for the others")
	f.StringVar(&h.schedule, "schedule", constant, "`NAME`: "+oneOf(schedules)+"; the last two lower the learning rate to 0")
	f.Float64Var(&h.warmup, "warmup", 0, "`SHARE`: share of the steps in which the learning rate of a schedule rises from 0")
	f.StringVar(&h.augment, "augment", "", "`LIST`: flip (mirror half of the images), shift (by up to 4 pixels), shift=2 (by up to 2);\nas in flip,shift")
	f.Float64Var(&h.smoothing, "label-smoothing", 0, "`SHARE`: share of the target that is divided evenly among all classes")
	f.Uint64Var(&h.seed, "seed", 100, "`NUMBER`: seed of the initial weights and the order of the images")
	h.set = f
	return f
}

// config returns the runner's configuration. There zero means the chapter's choice, so zeros are converted or
// refused here.
func (h *hyperparameters) config() (c runner.Config, err error) {
	hasMomentum := h.optimizer == "momentum" || h.optimizer == "nesterov"
	switch {
	case !(h.rate > 0) || math.IsInf(h.rate, 0):
		return c, usagef("-lr is %g, want a positive number", h.rate)
	case h.batch < 2:
		return c, usagef("-batch is %d, want at least 2, for batch norm", h.batch)
	case !slices.Contains(optimizers, h.optimizer):
		return c, usagef("-optimizer is %q, want %s", h.optimizer, oneOf(optimizers))
	case !hasMomentum && h.set.Changed("momentum"):
		return c, usagef("-momentum needs -optimizer momentum or nesterov")
	case !(h.momentum > 0 && h.momentum < 1):
		return c, usagef("-momentum is %g, want more than 0 and less than 1; for none, use -optimizer sgd", h.momentum)
	case !(h.decay >= 0) || math.IsInf(h.decay, 0):
		return c, usagef("-weight-decay is %g, want 0 (none) or more", h.decay)
	case !slices.Contains(schedules, h.schedule):
		return c, usagef("-schedule is %q, want %s", h.schedule, oneOf(schedules))
	case h.schedule == constant && h.warmup != 0:
		return c, usagef("-warmup needs -schedule linear or cosine")
	case !(h.warmup >= 0 && h.warmup < 1):
		return c, usagef("-warmup is %g, want at least 0 and less than 1", h.warmup)
	case !(h.smoothing >= 0 && h.smoothing < 1):
		return c, usagef("-label-smoothing is %g, want at least 0 and less than 1", h.smoothing)
	case h.seed == 0:
		return c, usagef("-seed is 0, want at least 1")
	}
	augment, err := parseAugment(h.augment)
	if err != nil {
		return c, err
	}
	c = runner.Config{LearningRate: h.rate, BatchSize: h.batch, WeightDecay: h.decay, Seed: h.seed}
	c.Recipe = runner.Recipe{Optimizer: h.optimizer, LabelSmoothing: h.smoothing, Augment: augment}
	if hasMomentum {
		c.Recipe.Momentum = h.momentum
	}
	if h.decay == 0 {
		c.WeightDecay = -1
	}
	if h.schedule != constant {
		c.Recipe.Schedule = optim.Schedule{Kind: h.schedule, Warmup: h.warmup}
	}
	return c, nil
}

// parseAugment reads "flip", "shift", "shift=2" or a list of them.
func parseAugment(list string) (a cifar.Augment, err error) {
	for _, item := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		name, value, given := strings.Cut(item, "=")
		switch {
		case item == "flip":
			a.Flip = "random"
		case item == "shift":
			a.Shift = 4
		case name == "shift" && given:
			if a.Shift, err = strconv.Atoi(value); err != nil || a.Shift < 1 || a.Shift > cifar.Width/2 {
				return a, usagef("-augment has %q, want shift=1 to shift=%d", item, cifar.Width/2)
			}
		default:
			return a, usagef("-augment has %q, want flip, shift or shift=NUMBER, separated by commas", item)
		}
	}
	return a, nil
}

// changes lists the flags whose values are not the chapter's, as in "lr-0.01".
func (h *hyperparameters) changes() (changes []string) {
	h.set.VisitAll(func(f *pflag.Flag) {
		if v := f.Value.String(); v != f.DefValue {
			changes = append(changes, f.Name+"-"+strings.NewReplacer(",", "-", "=", "-").Replace(v))
		}
	})
	return changes
}
