// Package experiments defines the rows of notebook 07's table: training runs, most of which differ from another row in one
// thing. It runs a row, saves its result and compares results.
package experiments

import (
	"fmt"

	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// Row is one experiment.
type Row struct {
	Name    string // of its run folder and its result
	Label   string // in the legends and bars of figures
	Change  string // the change, in words
	Against string // the row it is compared with; "" for the first of its budget, and for those that repeat another
	Repeats string // the row that this one repeats with another seed; "" for none
	Search  string // the learning-rate search that the row belongs to, named after the optimizer; "" for none
	Network string // "library" (1,000 outputs), "custom", "plain", "cifar-stem" (10 outputs each) or "fast"
	Widths  [3]int // of "fast"; zeros mean airbench94's
	// TrainImages is the number of the 40,000 training images to use; 0 means all.
	TrainImages int
	// WithDev trains on dev's 10,000 images, too. Their accuracy then chooses nothing: only the last step is evaluated.
	WithDev bool
	Config  runner.Config
}

// The short budget: 13 epochs of a quarter of the images. 9,984 images make 156 full batches of 64; a smaller last batch would
// need a second graph.
const (
	ShortImages = 156 * 64
	ShortEpochs = 13
)

// Reference is the row that most others are compared with: the chapter's recipe on the short budget.
const Reference = "reference"

// Changes that several rows make.
var (
	cosine       = optim.Schedule{Kind: "cosine", Warmup: 0.05}
	flipAndShift = cifar.Augment{Flip: "random", Shift: 4}
)

// Rows returns the table, in the order in which to run and read it.
func Rows() []Row {
	rows := []Row{short(Reference, "the chapter's (Adam + L2)", "the chapter's recipe: Adam 0.001 with L2 0.005", "", "adam-l2", runner.Config{})}
	rows = append(rows, repeat(rows[0], 101, 102, 103, 104)...)
	rows = append(append(rows, full()...), modernRows()...)
	for _, s := range searches {
		for _, rate := range s.rates {
			c := runner.Config{LearningRate: rate, Recipe: runner.Recipe{Optimizer: s.optimizer}}
			if s.optimizer == "adam-l2" && rate == 0.001 {
				continue // the reference
			}
			name := fmt.Sprintf("%s-%g", s.optimizer, rate)
			rows = append(rows, short(name, searchLabel(s.optimizer, rate), fmt.Sprintf("%s, learning rate %g", s.words, rate), Reference, s.optimizer, c))
		}
	}
	one := func(name, label, change string, c runner.Config) {
		rows = append(rows, short(name, label, change, Reference, "", c))
	}
	one("plain", "no shortcuts", "no shortcuts", runner.Config{})
	rows[len(rows)-1].Network = "plain"
	one("augment", "augmentation", "random flip, shift by up to 4 pixels", runner.Config{Recipe: runner.Recipe{Augment: flipAndShift}})
	one("schedule", "cosine schedule", "cosine schedule after 5% warm-up", runner.Config{Recipe: runner.Recipe{Schedule: cosine}})
	one("label-smoothing", "label smoothing", "label smoothing 0.1", runner.Config{Recipe: runner.Recipe{LabelSmoothing: 0.1}})
	one("no-decay", "no L2", "no L2", runner.Config{WeightDecay: -1})
	return rows
}

// repeat returns the row with other seeds, which tells how far two trainings of one recipe are apart.
func repeat(row Row, seeds ...uint64) (rows []Row) {
	for _, seed := range seeds {
		r := row
		r.Name, r.Label = fmt.Sprintf("%s-%d", row.Name, seed), fmt.Sprintf("%s, seed %d", row.Label, seed)
		r.Change, r.Against, r.Search, r.Repeats, r.Config.Seed = "nothing but the seed", "", "", row.Name, seed
		rows = append(rows, r)
	}
	return rows
}

// twice returns the row and a repetition with another seed.
func twice(row Row) []Row { return append([]Row{row}, repeat(row, 101)...) }

// searches are the optimizers with at least three learning rates each, half an order of magnitude apart. Momentum 0.9 makes steps ten
// times as large, so its rates are a tenth of those of plain SGD.
var searches = []struct {
	optimizer, label, words string
	rates                   []float64
}{
	{"adam-l2", "Adam + L2", "Adam with L2", []float64{0.0003, 0.001, 0.003}},
	{"adamw", "AdamW", "AdamW", []float64{0.0003, 0.001, 0.003, 0.01}},
	{"sgd", "SGD", "SGD", []float64{0.03, 0.1, 0.3}},
	{"momentum", "momentum", "SGD with momentum 0.9", []float64{0.003, 0.01, 0.03, 0.1}},
	{"nesterov", "Nesterov", "SGD with Nesterov's momentum 0.9", []float64{0.003, 0.01, 0.03}},
}

// searchLabel names a run of a learning-rate search in a figure.
func searchLabel(optimizer string, rate float64) string {
	for _, s := range searches {
		if s.optimizer == optimizer {
			optimizer = s.label
		}
	}
	return fmt.Sprintf("%s, rate %g", optimizer, rate)
}

// short returns a row on the short budget: the custom network, evaluated every two epochs.
func short(name, label, change, against, search string, c runner.Config) Row {
	c.Epochs, c.LogSteps, c.EvalSteps = ShortEpochs, 312, 312
	return Row{Name: name, Label: label, Change: change, Against: against, Search: search, Network: "custom", TrainImages: ShortImages, Config: c}
}

// full returns the rows of ResNet-18 on all images: the chapter's recipe for both networks, then one change a row, then those of stems.
func full() []Row {
	chapter := Row{Name: "full-chapter", Label: "the chapter's, all images", Change: "the chapter's recipe, 30 epochs of all 40,000 images", Network: "custom"}
	library := chapter
	library.Name, library.Label, library.Network = "library", "library, all images", "library"
	library.Change = "the library's network: 1,000 outputs instead of 10"
	library.Against = chapter.Name
	rows := append([]Row{chapter}, repeat(chapter, 101, 102)...)
	rows = append(append(rows, library), repeat(library, 101, 102)...)
	oneAgainst := func(against, name, label, change string, c runner.Config) {
		rows = append(rows, twice(Row{Name: "full-" + name, Label: label + ", all images", Change: change, Against: against, Network: "custom", Config: c})...)
	}
	one := func(name, label, change string, c runner.Config) { oneAgainst(chapter.Name, name, label, change, c) }
	// The rates are the best ones of the searches; momentum's second one tells the rate from the kind of momentum.
	one("sgd", "SGD, rate 0.1", "SGD, learning rate 0.1", runner.Config{LearningRate: 0.1, Recipe: runner.Recipe{Optimizer: "sgd"}})
	one("momentum", "momentum, rate 0.03", "SGD with momentum 0.9, learning rate 0.03", runner.Config{LearningRate: 0.03, Recipe: runner.Recipe{Optimizer: "momentum"}})
	oneAgainst("full-momentum", "momentum-0.01", "momentum, rate 0.01", "SGD with momentum 0.9, learning rate 0.01", runner.Config{LearningRate: 0.01, Recipe: runner.Recipe{Optimizer: "momentum"}})
	one("nesterov", "Nesterov, rate 0.01", "SGD with Nesterov's momentum 0.9, learning rate 0.01", runner.Config{LearningRate: 0.01, Recipe: runner.Recipe{Optimizer: "nesterov"}})
	adamW := runner.Config{LearningRate: 0.003, Recipe: runner.Recipe{Optimizer: "adamw"}}
	one("adamw", "AdamW, rate 0.003", "AdamW, learning rate 0.003, decay 0.005", adamW)
	for _, decay := range []float64{0.05, 0.5} {
		adamW.WeightDecay = decay
		oneAgainst("full-adamw", fmt.Sprintf("adamw-decay-%g", decay), fmt.Sprintf("AdamW, decay %g", decay), fmt.Sprintf("AdamW's decay %g", decay), adamW)
	}
	one("schedule", "cosine schedule", "cosine schedule after 5% warm-up", runner.Config{Recipe: runner.Recipe{Schedule: cosine}})
	one("augment", "augmentation", "random flip, shift by up to 4 pixels", runner.Config{Recipe: runner.Recipe{Augment: flipAndShift}})
	oneAgainst("full-schedule", "schedule-augment", "schedule + augmentation", "random flip, shift by up to 4 pixels", runner.Config{Recipe: runner.Recipe{Schedule: cosine, Augment: flipAndShift}})
	one("label-smoothing", "label smoothing", "label smoothing 0.1", runner.Config{Recipe: runner.Recipe{LabelSmoothing: 0.1}})
	one("no-decay", "no L2", "no L2", runner.Config{WeightDecay: -1})
	for _, decay := range []float64{0.0005, 0.05} {
		one(fmt.Sprintf("l2-%g", decay), fmt.Sprintf("L2 %g", decay), fmt.Sprintf("L2 %g", decay), runner.Config{WeightDecay: decay})
	}
	plain := Row{Name: "full-plain", Label: "no shortcuts, all images", Change: "no shortcuts", Against: chapter.Name, Network: "plain"}
	return append(append(rows, twice(plain)...), stems(chapter)...)
}

// stems tells the stem from the recipe. A CIFAR stem takes fifteen times the work, so with the chapter's recipe it is compared for equal
// work, in 2 epochs. Then comes a recipe that is closer to what is usual for CIFAR-10, for example in
// github.com/kuangliu/pytorch-cifar, for 15 epochs with either stem; its batches of 125 divide the 40,000 images.
func stems(chapter Row) []Row {
	equalWork := Row{
		Name: "stem-2", Label: "CIFAR stem, 2 epochs", Change: "CIFAR stem (one 3×3 convolution, no pool), 2 epochs: the work of 30 with the ImageNet stem",
		Against: chapter.Name, Network: "cifar-stem", Config: runner.Config{Epochs: 2, EvalSteps: 625},
	}
	recipe := Row{
		Name: "imagenet-15", Label: "ImageNet stem, 15 epochs", Against: chapter.Name, Network: "custom",
		Change: "15 epochs, SGD with Nesterov's momentum 0.9, rate 0.1 with a linear schedule, L2 0.0005, random flip, shift by up to 4 pixels, test-time augmentation by flips",
		Config: runner.Config{
			Epochs: 15, BatchSize: 125, LearningRate: 0.1, WeightDecay: 5e-4, LogSteps: 160, EvalSteps: 1600,
			Recipe: runner.Recipe{
				Optimizer: "nesterov", FlipAverage: true, Augment: flipAndShift,
				Schedule: optim.Schedule{Kind: "linear", Warmup: 0.2},
			},
		},
	}
	both := recipe
	both.Name, both.Label, both.Network = "stem-15", "CIFAR stem, 15 epochs", "cifar-stem"
	both.Change, both.Against = "CIFAR stem", recipe.Name
	return []Row{equalWork, recipe, both}
}

// modern is airbench94's recipe (legacy/airbench94.py of github.com/KellerJordan/cifar10-airbench) without what package airbench
// leaves out and without what modernFull adds, at the compute of the chapter's 30 epochs.
//
// airbench94's learning rate 11.5 and decay 0.0153 are for the sum of 1,024 examples' losses and for momentum 0. For
// PyTorch's formulas (see optim.SGD) with momentum μ = 0.85 and the mean over a batch of B they become
//
//	η = 11.5·B / (1024·(1 + 1/(1-μ)))        λ = 0.0153/11.5
//
// Batches of 250 instead of 1,024 fit a CPU's caches better; the running statistics then have momentum 0.9, not 0.6.
func modern() Row {
	const batch, momentum = 250, 0.85
	return Row{
		Name: "modern", Label: "modern recipe", Change: "airbench94's network and recipe, 9 epochs of all 40,000 images", Against: "full-chapter", Network: "fast",
		Config: runner.Config{
			Epochs: 9, BatchSize: batch, LearningRate: 11.5 * batch / (1024 * (1 + 1/(1-momentum))), WeightDecay: 0.0153 / 11.5,
			LogSteps: 160, EvalSteps: 320,
			Recipe: runner.Recipe{
				Optimizer: "nesterov", Momentum: momentum, LabelSmoothing: 0.2, FlipAverage: true,
				Augment:  cifar.Augment{Flip: "alternate", Shift: 2},
				Schedule: optim.Schedule{Kind: "linear", Warmup: 0.23, Start: 0.2, End: 0.07},
			},
		},
	}
}

// modernPrecise recomputes batch norm's statistics from 5,000 images (precise batch norm): at this learning rate they lag. That makes
// an evaluation dearer, so there are three instead of modern's five; with this schedule the last is the best.
func modernPrecise() Row {
	row := modern()
	row.Name, row.Label, row.Change, row.Against = "modern-precise", "modern, precise batch norm", "precise batch norm", "modern"
	row.Config.EvalSteps, row.Config.Recipe.PreciseNorm = 480, 20
	return row
}

// modernLookahead adds airbench94's lookahead, every 5 steps of 1,024 images there. It moves the weights away from the running
// statistics, which airbench94 averages along with them.
func modernLookahead() Row {
	row := modernPrecise()
	row.Name, row.Label, row.Change, row.Against = "modern-lookahead", "modern, precise, lookahead", "lookahead", "modern-precise"
	row.Config.Recipe.Lookahead = 20
	return row
}

// modernFull adds airbench94's test-time augmentation by shifts.
func modernFull() Row {
	row := modernLookahead()
	row.Name, row.Label, row.Against = "modern-full", "modern recipe, full", "modern"
	row.Change = "lookahead, precise batch norm, test-time augmentation with one-pixel shifts"
	row.Config.Recipe.ShiftAverage = 1
	return row
}

// modernMuon trains the convolutions with Muon, as airbench94_muon.py does. There the rate, 0.24, is for 200 steps of 2,000
// images. Of 0.03 and 0.05 here, both reach 0.9040 on dev; 0.03 is ahead before the end.
func modernMuon() Row {
	row := modernFull()
	row.Name, row.Label, row.Against = "modern-muon", "modern recipe, full + Muon", "modern-full"
	row.Change = "Muon for the convolutions"
	row.Config.Recipe.MuonRate = 0.03
	return row
}

// modernRows returns the modern recipe, built up in five steps, then changes of the last one:
// airbench94_muon's 0.6 as Muon's momentum is for batches of 2,000, so that it averages over about as many images as 0.95 does
// here; its rates per example are lower than airbench94's; and its rate ends at 0.
func modernRows() []Row {
	muon := modernMuon()
	var rows []Row
	for _, row := range []Row{modern(), modernPrecise(), modernLookahead(), modernFull()} {
		rows = append(rows, twice(row)...)
	}
	rows = append(append(rows, muon), repeat(muon, 101, 102)...)
	change := func(name, label, words string, apply func(*Row)) {
		row := muon
		row.Name, row.Label, row.Change, row.Against = muon.Name+"-"+name, "full + Muon, "+label, words, muon.Name
		apply(&row)
		rows = append(rows, twice(row)...)
	}
	change("momentum", "momentum 0.95", "Muon's momentum 0.95", func(r *Row) { r.Config.Recipe.MuonMomentum = 0.95 })
	change("end", "to 0", "the schedule ends at 0", func(r *Row) { r.Config.Recipe.Schedule.End = 0 })
	change("rates", "its rates", "airbench94_muon's rate and decay for biases and the last layer", func(r *Row) {
		r.Config.LearningRate, r.Config.WeightDecay = muonVersionRates(r.Config.BatchSize)
	})
	all := muon
	all.Name, all.Label, all.Against = "modern-50000", "modern, 50,000 images", muon.Name
	all.Change = "7 epochs of all 50,000 images, dev's included"
	all.WithDev, all.Config.Epochs, all.Config.EvalSteps = true, 7, 7*50000/all.Config.BatchSize
	rows = append(append(rows, all), repeat(all, 101, 102)...)
	return append(rows, wider(muon)...)
}

// wider returns rows with about 3 and 10 times the work of the chapter's 30 epochs, by a wider network and more epochs; airbench95
// has the first one's widths. They are meant for a GPU.
func wider(muon Row) (rows []Row) {
	for _, w := range []struct {
		times, epochs int
		widths        [3]int
	}{{3, 10, [3]int{128, 384, 384}}, {10, 23, [3]int{128, 512, 512}}} {
		row := muon
		row.Name, row.Label, row.Against = fmt.Sprintf("modern-%dx", w.times), fmt.Sprintf("modern, %d times the work", w.times), muon.Name
		row.Change = fmt.Sprintf("%d times the work: widths %d-%d-%d, %d epochs", w.times, w.widths[0], w.widths[1], w.widths[2], w.epochs)
		row.Widths, row.Config.Epochs = w.widths, w.epochs
		rows = append(rows, row)
	}
	return rows
}

// muonVersionRates returns learning rate and weight decay of airbench94_muon.py for the mean over a batch. There they are for the sum
// of the losses: rate 0.053 for the biases, which have 8² times the rate here (see package airbench), and decay 2e-6 an image. (Its
// rate for the last layer, 0.67, comes to the same: weights are 256/9 times as large there. Its rate for the whitening's biases,
// 0.053, does not: here they have the last layer's.)
func muonVersionRates(batch int) (rate, decay float64) {
	rate = 0.053 * float64(batch) / 64
	return rate, 2e-6 * float64(batch) / rate
}

// Find returns the row with the given name.
func Find(name string) (Row, error) {
	for _, r := range Rows() {
		if r.Name == name {
			return r, nil
		}
	}
	return Row{}, fmt.Errorf("experiments: no row %q; \"resnet18 experiment list\" lists them", name)
}

// network returns the row's model and its multiply-adds for an image. airbench's first layer depends on the training images.
func (r Row) network(train *cifar.Dataset) (m runner.Model, macs int64, err error) {
	c := resnet.Custom(3, cifar.NumClasses, true)
	switch r.Network {
	case "custom":
	case "library":
		c = resnet.Library()
	case "plain":
		c.Plain = true
	case "cifar-stem":
		c.Stem = resnet.CIFARStem
	case "fast":
		n := airbench.New(train)
		if r.Widths != [3]int{} {
			n.Widths = r.Widths
		}
		return n, n.MACs(), nil
	default:
		return nil, 0, fmt.Errorf("experiments: row %s: network is %q, want library, custom, plain, cifar-stem or fast", r.Name, r.Network)
	}
	return c, c.Summary().MACs(), nil
}
