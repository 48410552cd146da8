package experiments

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/airbench"
	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/cifar/cifar10"
	"nndl.example/resnet18/pkg/lab"
	"nndl.example/resnet18/pkg/optim"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// changes names what differs between two rows of one table.
func changes(a, b Row) []string {
	var out []string
	note := func(what string, same bool) {
		if !same {
			out = append(out, what)
		}
	}
	x, y := a.Config, b.Config
	note("network", a.Network == b.Network && a.Widths == b.Widths)
	note("images", a.TrainImages == b.TrainImages)
	note("epochs", x.Epochs == y.Epochs)
	note("batch size", x.BatchSize == y.BatchSize)
	note("optimizer and its learning rate", x.LearningRate == y.LearningRate && x.Recipe.Optimizer == y.Recipe.Optimizer && x.Recipe.Momentum == y.Recipe.Momentum)
	note("Muon", x.Recipe.MuonRate == y.Recipe.MuonRate && x.Recipe.MuonMomentum == y.Recipe.MuonMomentum)
	note("decay", x.WeightDecay == y.WeightDecay)
	note("seed", x.Seed == y.Seed)
	note("schedule", x.Recipe.Schedule == y.Recipe.Schedule)
	note("label smoothing", x.Recipe.LabelSmoothing == y.Recipe.LabelSmoothing)
	note("augmentation", x.Recipe.Augment == y.Recipe.Augment)
	note("lookahead", x.Recipe.Lookahead == y.Recipe.Lookahead)
	note("statistics of batch norm", x.Recipe.PreciseNorm == y.Recipe.PreciseNorm)
	note("averaged answers", x.Recipe.FlipAverage == y.Recipe.FlipAverage && x.Recipe.ShiftAverage == y.Recipe.ShiftAverage)
	note("frozen layers", x.Recipe.Freeze == y.Recipe.Freeze)
	note("dev's images", a.WithDev == b.WithDev)
	return out
}

// Every row can be run, is in the table once, and changes one thing. The rows in several change more and say so: the modern
// recipe and what it leaves out, its other rates, the rows of equal work or more, and the usual recipe.
func TestRows(t *testing.T) {
	t.Parallel()
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	small := airbench.Net{Widths: [3]int{24, 24, 24}}
	several := map[string][]string{
		"modern": {"network", "epochs", "batch size", "optimizer and its learning rate", "decay", "schedule", "label smoothing", "augmentation",
			"averaged answers"},
		"modern-full":       {"lookahead", "statistics of batch norm", "averaged answers"},
		"modern-muon-rates": {"optimizer and its learning rate", "decay"},
		"modern-50000":      {"epochs", "dev's images"},
		"modern-3x":         {"network", "epochs"},
		"modern-10x":        {"network", "epochs"},
		"stem-2":            {"network", "epochs"},
		"imagenet-15":       {"epochs", "batch size", "optimizer and its learning rate", "decay", "schedule", "augmentation", "averaged answers"},
	}
	seen := map[string]bool{}
	for _, row := range Rows() {
		require.False(t, seen[row.Name], row.Name)
		seen[row.Name] = true
		require.NotEmpty(t, row.Change, row.Name)
		r, err := runner.New(b, small, t.TempDir(), row.Config)
		require.NoError(t, err, row.Name)
		if row.Network != "fast" {
			if row.Name != "stem-15" && row.Name != "imagenet-15" {
				require.Equal(t, 64, r.Config.BatchSize)
			}
			_, macs, err := row.network(nil)
			require.NoError(t, err)
			require.Positive(t, macs)
		}
		r.Finalize()
		if row.Repeats != "" {
			other, err := Find(row.Repeats)
			require.NoError(t, err)
			require.Equal(t, []string{"seed"}, changes(row, other), row.Name)
			require.Empty(t, row.Search+row.Against, row.Name)
		}
		if row.Against == "" {
			require.True(t, row.Repeats != "" || row.Name == Reference || row.Name == "full-chapter", "%s is compared with nothing", row.Name)
			continue
		}
		other, err := Find(row.Against)
		require.NoError(t, err)
		if want, ok := several[row.Name]; ok {
			require.Equal(t, want, changes(row, other), row.Name)
		} else {
			require.Len(t, changes(row, other), 1, "%s against %s: %v", row.Name, other.Name, changes(row, other))
		}
	}
	_, err = Find("secret")
	require.ErrorContains(t, err, `no row "secret"; "resnet18 experiment list"`)
	_, _, err = Row{Name: "x", Network: "vgg"}.network(nil)
	require.ErrorContains(t, err, `network is "vgg"`)
}

// The stored results are of today's rows, each of one, and have their words, which may have been improved since a row was run.
func TestStoredResults(t *testing.T) {
	t.Parallel()
	all, err := ReadAll(filepath.Join("..", "..", "notebooks", "results"))
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, r := range all {
		row, err := Find(r.Name)
		require.NoError(t, err)
		require.Equal(t, row.Change, r.Change, r.Name)
		require.Equal(t, row.Against, r.Against, r.Name)
		require.Equal(t, wholeConfig(t, row), r.Config, r.Name)
		images := cmp.Or(row.TrainImages, trainImages)
		if row.WithDev {
			images += 10000
		}
		require.Equal(t, images, r.TrainImages, r.Name)
		if row.Network != "fast" { // its whitening needs images
			m, _, err := row.network(nil)
			require.NoError(t, err)
			require.Equal(t, m.String(), r.Network, r.Name)
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "..", "notebooks", "results", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, len(all)+1, "all are of rows but one, jpeg-cost.json")
}

// wholeConfig returns a row's configuration with the runner's defaults, without what a result does not keep.
func wholeConfig(t *testing.T, row Row) runner.Config {
	b, err := backend.New("go", io.Discard)
	require.NoError(t, err)
	r, err := runner.New(b, airbench.Net{Widths: [3]int{24, 24, 24}}, t.TempDir(), row.Config)
	require.NoError(t, err)
	defer r.Finalize()
	c := r.Config
	c.SaveEvery, c.Devices, c.LaunchSteps, c.Initial = 0, 0, 0, ""
	return c
}

// The optimizers' rows with all images have the best learning rates of the searches.
func TestFullRatesAreTheBest(t *testing.T) {
	t.Parallel()
	all, err := ReadAll(filepath.Join("..", "..", "notebooks", "results"))
	require.NoError(t, err)
	for _, name := range optim.Names[1:] {
		best := Best(all, name)
		require.NotNil(t, best, name)
		row, err := Find("full-" + name)
		require.NoError(t, err)
		require.Equal(t, best.Config.LearningRate, row.Config.LearningRate, name)
	}
}

// The modern recipe stays within the compute of the chapter's 30 epochs, its wider ones within 3 and 10 times as much.
func TestBudget(t *testing.T) {
	t.Parallel()
	row, err := Find("modern")
	require.NoError(t, err)
	net := airbench.Net{Widths: [3]int{64, 256, 256}}
	macs := net.MACs()
	chapter := resnet.Custom(3, 10, true).Summary().MACs() * 30 * 40000
	require.LessOrEqual(t, macs*int64(row.Config.Epochs)*40000, chapter)
	steps := int64(row.Config.Epochs) * 40000 / int64(row.Config.BatchSize)
	muon := muonMACs(net) * steps
	require.Equal(t, int64(3*(2*216*64*64+2*576*64*64+2*2*2304*256*256+2*576*256*256+2*2304*256*256+2*64*64*64+4*256*256*256))*steps, muon)
	require.LessOrEqual(t, 3*macs*int64(row.Config.Epochs)*40000+muon, 3*chapter)
	require.InDelta(t, 0.366, row.Config.LearningRate, 1e-3)
	require.InDelta(t, 0.00133, row.Config.WeightDecay, 1e-5)

	for name, times := range map[string]int64{"modern-3x": 3, "modern-10x": 10} {
		row, err := Find(name)
		require.NoError(t, err)
		net := airbench.Net{Widths: row.Widths}
		epochs := int64(row.Config.Epochs)
		work := 3*net.MACs()*epochs*40000 + muonMACs(net)*epochs*40000/int64(row.Config.BatchSize)
		require.LessOrEqual(t, work, 3*times*chapter, name)
		require.GreaterOrEqual(t, 10*work, 9*3*times*chapter, name)
	}
}

// A row's widths are its network's.
func TestWidths(t *testing.T) {
	t.Parallel()
	train := cifar10.New(cifar.Train, 4)
	for i := range train.Pixels {
		train.Pixels[i] = uint8(i * i)
	}
	for name, want := range map[string]string{"modern-muon": "widths 64-256-256", "modern-10x": "widths 128-512-512"} {
		row, err := Find(name)
		require.NoError(t, err)
		m, _, err := row.network(train)
		require.NoError(t, err)
		require.Contains(t, m.(airbench.Net).String(), want)
	}
}

// Each optimizer gets three learning rates, with the reference as one of Adam's.
func TestSearches(t *testing.T) {
	t.Parallel()
	count := map[string]int{}
	for _, row := range Rows() {
		count[row.Search]++
	}
	for _, name := range optim.Names {
		require.GreaterOrEqual(t, count[name], 3, name)
	}
	all := []*Result{{Name: "a", Search: "sgd", BestDev: 0.5}, {Name: "b", Search: "sgd", BestDev: 0.6}, {Name: "c", BestDev: 0.9}}
	require.Equal(t, "b", Best(all, "sgd").Name)
	require.Nil(t, Best(all, "lion"))
}

// TestJobTrainsAllRows: the jobs for Kubernetes and Slurm, and the command without either, have an index for each row.
func TestJobTrainsAllRows(t *testing.T) {
	t.Parallel()
	job, err := os.ReadFile("../../docker/jobs/experiments.yaml")
	require.NoError(t, err)
	for _, line := range []string{"\n  completions: %d ", "\n  maxFailedIndexes: %d\n", "# %d rows with "} {
		require.Contains(t, string(job), fmt.Sprintf(line, len(Rows())))
	}
	job, err = os.ReadFile("../../docker/jobs/experiments.slurm")
	require.NoError(t, err)
	require.Contains(t, string(job), fmt.Sprintf("\n#SBATCH --array=0-%d%%4 ", len(Rows())-1))
	readme, err := os.ReadFile("../../docker/README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), fmt.Sprintf("\n    seq 0 %d | xargs ", len(Rows())-1))
}

func TestCompare(t *testing.T) {
	t.Parallel()
	result := func(name string, right ...bool) *Result {
		return &Result{Name: name, TestData: "x", TestImages: len(right), Correct: pack(right)}
	}
	a, b := result("a", true, true, true, true, true, false, true, false, true), result("b", true, false, false, false, false, true, false, false, false)
	c, err := Compare(a, b)
	require.NoError(t, err)
	require.Equal(t, 6, c.OnlyA)
	require.Equal(t, 1, c.OnlyB)
	require.InDelta(t, 5/2.6457513, c.Z, 1e-6)
	require.Equal(t, "not significant", c.Verdict())
	for c, want := range map[Comparison]string{
		{OnlyA: 60, OnlyB: 40, Z: 2}:  "better",
		{OnlyA: 40, OnlyB: 60, Z: -2}: "worse",
		{OnlyA: 4, Z: 2}:              "not significant", // 4 heads in a row, or 4 tails: 2/16
		{OnlyA: 6, Z: 2.45}:           "better",          // 2/64
		{OnlyB: 6, Z: -2.45}:          "worse",
		{}:                            "not significant",
	} {
		require.Equal(t, want, c.Verdict(), c)
	}
	right, err := a.RightByClass([]uint16{0, 0, 1, 1, 9, 9, 9, 9, 9, 3})
	require.NoError(t, err)
	require.Equal(t, [10]int{0: 2, 1: 2, 9: 3}, right)
	_, err = a.RightByClass(make([]uint16, 8))
	require.ErrorContains(t, err, "a by class: 8 labels for the predictions of 9 images")
	_, err = a.RightByClass([]uint16{0, 0, 1, 1, 9, 10, 9, 9, 9})
	require.ErrorContains(t, err, "image 5 has the label 10")
	damaged := result("damaged", true)
	damaged.Correct = "*"
	_, err = Compare(result("a", true), damaged)
	require.ErrorContains(t, err, "predictions: illegal base64")
	c, err = Compare(a, a)
	require.NoError(t, err)
	require.Zero(t, c.Z)
	b.TestData = "y"
	_, err = Compare(a, b)
	require.ErrorContains(t, err, "a and b were tested on different images")
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "[results]")
	_, err := Read(dir, "plain")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, `run "resnet18 experiment plain" to create it`)
	want := &Result{Name: "plain", TestImages: 3, Correct: pack([]bool{true, false, true}), Curve: []Point{{1, 2, 3}}, Evals: []runner.Eval{{Step: 1, Score: 0.5}}}
	path, err := want.Write(dir)
	require.NoError(t, err)
	got, err := Read(dir, "plain")
	require.NoError(t, err)
	require.Equal(t, want, got)
	all, err := ReadAll(dir)
	require.NoError(t, err)
	require.Equal(t, []*Result{want}, all)
	var out bytes.Buffer
	require.Equal(t, []*Result{want}, Pick(&out, dir, "augment", "plain"))
	require.Contains(t, out.String(), `run "resnet18 experiment augment"`)
	require.Empty(t, Pick(&out, dir, "pytorch-library-7"))
	require.Contains(t, out.String(), `no result of pytorch-library-7 yet: run "make pytorch"`)
	_, err = ReadPyTorch(dir)
	require.ErrorContains(t, err, `pytorch-*.json: run "make pytorch" to create it`)
	theirs := *want
	theirs.Name = "pytorch-library-0"
	_, err = theirs.Write(dir)
	require.NoError(t, err)
	all, err = ReadPyTorch(dir)
	require.NoError(t, err)
	require.Equal(t, []*Result{&theirs}, all)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pytorch-library-1.json"), []byte("{"), 0o644))
	all, err = ReadPyTorch(dir)
	require.ErrorContains(t, err, "pytorch-library-1.json")
	require.Equal(t, []*Result{&theirs}, all)
	require.NoError(t, os.WriteFile(path, []byte(`{"name": "plain", "test_images": 9, "right": "AA=="}`), 0o644))
	_, err = ReadAll(dir)
	require.ErrorContains(t, err, "predictions for 8 test images, want 9")
	require.ErrorContains(t, err, `delete it and run "resnet18 experiment plain"`)
	require.NoError(t, os.WriteFile(path, []byte(`{"name": "augment", "test_images": 3, "right": "AA=="}`), 0o644))
	_, err = Read(dir, "plain")
	require.ErrorContains(t, err, `got the result of "augment", want that of "plain"`)
	require.NoError(t, os.WriteFile(path, []byte(`{`), 0o644))
	_, err = Read(dir, "plain")
	require.ErrorContains(t, err, path)
}

func TestOwnRowsRepeat(t *testing.T) {
	t.Parallel()
	first, second := &Result{Name: "try-adam"}, &Result{Name: "try-adam-101", Repeats: "try-adam"}
	groups := Groups([]*Result{first, second})
	require.Len(t, groups, 1)
	require.Equal(t, []*Result{first, second}, groups[0].Results)
}

// A curve has the means of equal parts of the steps.
func TestCurve(t *testing.T) {
	t.Parallel()
	h := &runner.History{Steps: make([]runner.Step, 150)}
	for i := range h.Steps {
		h.Steps[i] = runner.Step{Loss: float32(i), Accuracy: 0.5}
	}
	r := &Result{MACs: 10, TrainImages: 20, Config: runner.Config{Epochs: 3}}
	r.training(h)
	require.Equal(t, 150, r.Steps)
	require.Len(t, r.Curve, 60)
	require.Equal(t, Point{1, 0.5, 0.5}, r.Curve[0])
	require.Equal(t, Point{4, 3, 0.5}, r.Curve[1])
	require.Equal(t, 149, r.Curve[59].Step)
	require.Equal(t, 3600.0, r.FLOPs)
	r = &Result{}
	r.training(&runner.History{Steps: h.Steps[:2]})
	require.Equal(t, []Point{{0, 0, 0.5}, {1, 1, 0.5}}, r.Curve)
}

// A row from the images to the result file, and once more without training.
func TestRun(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks CIFAR-10 and trains")
	}
	var out bytes.Buffer
	l, err := lab.New(lab.Settings{Work: t.TempDir(), Epochs: 1, TrainImages: 24, Backend: "go", Out: &out})
	require.NoError(t, err)
	row, err := Find("augment")
	require.NoError(t, err)
	row.Config.Epochs, row.Config.BatchSize = 1, 12
	_, err = Trained(l, row)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, `run "resnet18 experiment augment -train-images 24" first`)
	r, err := Run(l, row)
	require.NoError(t, err)
	require.Equal(t, 2, r.Steps)
	require.Equal(t, 24, r.TrainImages)
	require.Equal(t, 24, r.TestImages)
	require.Equal(t, 6*float64(r.MACs)*24, r.FLOPs)
	require.Len(t, r.Evals, 1)
	correct, err := r.correct()
	require.NoError(t, err)
	right := 0
	for _, ok := range correct {
		if ok {
			right++
		}
	}
	require.InDelta(t, r.TestAccuracy, float64(right)/24, 1e-9)
	require.Positive(t, r.TestLoss)
	require.Contains(t, out.String(), "augment: random flip")
	dir := t.TempDir()
	_, err = r.Write(dir)
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(dir, "logs", "augment.json.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var h runner.History
	require.NoError(t, json.NewDecoder(z).Decode(&h))
	require.Len(t, h.Steps, 2)
	require.Contains(t, h.Log, "[Train] Training done!")
	again, err := Run(l, row)
	require.NoError(t, err)
	require.Equal(t, r, again)
	require.Contains(t, out.String(), "This run is complete")
	trained, err := Trained(l, row)
	require.NoError(t, err)
	trained.Finalize()
	row.Config.Epochs++
	_, err = Trained(l, row)
	require.ErrorContains(t, err, `the run is at step 2 of 4: finish it with "resnet18 experiment augment -train-images 24"`)
}

// A line for each recipe, with the mean of its seeds, compared by the spread of all seeds.
func TestTable(t *testing.T) {
	t.Parallel()
	result := func(name string, accuracy float64) *Result {
		return &Result{Name: name, TestAccuracy: accuracy, FLOPs: 2e12, Seconds: 90, Steps: 7, BestDev: 0.5}
	}
	all := []*Result{result("full-chapter", 0.70), result("full-chapter-101", 0.71), result("library-102", 0.65),
		result("full-sgd", 0.69), result("full-sgd-101", 0.69), result("modern", 0.715)}
	text, err := Table(all)
	require.NoError(t, err)
	// The seeds' standard deviation is √((0.005² + 0.005² + 0)/2) = 0.005 with 2 degrees of freedom, and t is 4.303.
	for name, rest := range map[string]string{
		"full-chapter": "| 2 | 7 | 0.5000 | 0.7050 |  |  | 0.0020 | 1.5 |\n",
		"library":      "| 1 | 7 | 0.5000 | 0.6500 | -5.50 ± 2.63: worse | full-chapter | 0.0020 | 1.5 |\n",
		"full-sgd":     "| 2 | 7 | 0.5000 | 0.6900 | -1.50 ± 2.15: open | full-chapter | 0.0020 | 1.5 |\n",
		"modern":       "| 1 | 7 | 0.5000 | 0.7150 | +1.00 ± 2.63: open | full-chapter | 0.0020 | 1.5 |\n",
	} {
		row, err := Find(name)
		require.NoError(t, err)
		require.Contains(t, text, fmt.Sprintf("| %s | %s %s", name, row.Change, rest))
	}
	require.Contains(t, text, "|\n\nVerdicts: better 0, worse 1, open 2, one seed 0.\n")
	text, err = Table([]*Result{all[0], all[2]}) // no recipe has two seeds
	require.NoError(t, err)
	require.NotContains(t, text, "Verdicts")
	require.Contains(t, text, "| -5.00 | full-chapter |")
	text, err = Table([]*Result{all[0], all[2]}, result("pytorch-library-0", 0.70), result("pytorch-library-1", 0.71))
	require.NoError(t, err)
	require.Contains(t, text, "| -5.00 ± 12.71: open | full-chapter |") // t is 12.706, the standard error 0.00707·√2
	require.NotContains(t, text, "pytorch")
	text, err = Table(all[2:3])
	require.NoError(t, err)
	require.Contains(t, text, "| 0.6500 |  |  |")
	text, err = Table([]*Result{{Name: "try-a", Change: "mine"}, {Name: "try-b", Change: "mine, too", Against: "try-a"}})
	require.NoError(t, err)
	require.Contains(t, text, "| try-b | mine, too | 1 | 0 | 0.0000 | 0.0000 | +0.00 | try-a |")
	all[5].WithDev = true
	text, err = Table(all)
	require.NoError(t, err)
	require.Contains(t, text, "| trained on | 0.7150 |")
	for _, other := range []int{1, 2} { // of the same recipe, and of another
		all[other].TestData = "other"
		_, err = Table(all)
		require.ErrorContains(t, err, all[other].Name+" and full-chapter were tested on different images")
		all[other].TestData = ""
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	one, two := Group{Results: make([]*Result, 1)}, Group{Results: make([]*Result, 2)}
	for _, test := range []struct {
		a, b Group
		i    Interval
		want string
	}{
		{two, two, Interval{0.01, 0.002, 0.018}, "better"},
		{two, two, Interval{-0.01, -0.018, -0.002}, "worse"},
		{two, two, Interval{-0.01, -0.022, 0.002}, "open"},
		{one, two, Interval{0.01, 0.002, 0.018}, "one seed"},
		{two, one, Interval{-0.03, -0.04, -0.02}, "worse"},
	} {
		require.Equal(t, test.want, judge(test.a, test.b, test.i), "%v", test.i)
	}
}

func TestCurves(t *testing.T) {
	t.Parallel()
	r := &Result{Name: "toy", Steps: 2, TrainImages: 10, Config: runner.Config{Epochs: 1},
		Curve: []Point{{0, 2, 0.1}, {1, 1, 0.5}}, Evals: []runner.Eval{{Step: 1, Score: 0.4, Loss: 1.1}}}
	fig, err := Curves("one", r)
	require.NoError(t, err)
	require.Equal(t, "one: loss, against thousand images seen: toy, train from 2 to 1; toy, dev from 1.1 to 1.1. "+
		"one: accuracy, against thousand images seen: toy, train from 0.1 to 0.5; toy, dev from 0.4 to 0.4.", fig.Alt)
	require.Contains(t, string(fig.SVG()), ">0.010<", "two steps end at ten images")
	_, err = Curves("none")
	require.Error(t, err)
	_, err = Curves("empty", &Result{})
	require.Error(t, err)
	rate := func(r float64) runner.Config { return runner.Config{LearningRate: r} }
	fig, err = SearchBars([]*Result{{Search: "sgd", BestDev: 0.5, DevImages: 100, Config: rate(0.1)},
		{Search: "sgd", BestDev: 0.25, DevImages: 100, Config: rate(0.01)}, {BestDev: 0.9, DevImages: 100}})
	require.NoError(t, err)
	require.Contains(t, fig.Alt, "SGD, rate 0.01 0.2500 ± 0.0433, SGD, rate 0.1 0.5000 ± 0.0500")
	_, err = SearchBars(nil)
	require.Error(t, err)
}

// Figures call every row by its label, which is no other row's; the table keeps the name, which the command takes.
func TestLabels(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, row := range Rows() {
		require.NotEmpty(t, row.Label, row.Name)
		require.False(t, seen[row.Label], row.Label)
		seen[row.Label] = true
		require.Equal(t, row.Label, (&Result{Name: row.Name}).Label())
	}
	require.Equal(t, "try-adam", (&Result{Name: "try-adam"}).Label(), "a row of the reader's own")
	sgd := &Result{Name: "sgd-0.1", TestImages: 100, TestAccuracy: 0.2, Correct: pack(make([]bool, 100)), Steps: 2, TrainImages: 10,
		Config: runner.Config{Epochs: 1}, Curve: []Point{{0, 2, 0.1}}, Evals: []runner.Eval{{Step: 1, Score: 0.4, Loss: 1.1}}}
	fig, err := Curves("one", sgd)
	require.NoError(t, err)
	require.Contains(t, string(fig.SVG()), ">SGD, rate 0.1, dev<")
	again := &Result{Name: "reference-101", TestAccuracy: 0.25}
	fig, err = AccuracyBars("test", Groups([]*Result{sgd, {Name: "reference", TestAccuracy: 0.15}, again}), StandardDeviations{shortBudget: {Value: 0.02, Freedom: 1}})
	require.NoError(t, err)
	require.Equal(t, "test: SGD, rate 0.1 0.2000 ± 0.0200, the chapter's (Adam + L2) 0.2000 ± 0.0141.", fig.Alt)
	fig, err = AccuracyBars("one seed each", Groups([]*Result{sgd, again}), StandardDeviations{})
	require.NoError(t, err)
	require.NotContains(t, fig.Alt, "±")
	table, err := Table([]*Result{sgd})
	require.NoError(t, err)
	require.Contains(t, table, "| sgd-0.1 |")
}

func TestGap(t *testing.T) {
	t.Parallel()
	r := &Result{Curve: []Point{{0, 2, 0.1}, {9, 1, 0.75}}, Evals: []runner.Eval{{Score: 0.6, Loss: 1.5}, {Score: 0.7, Loss: 1.25}, {Score: 0.5, Loss: 2}}}
	accuracy, loss := r.Gap()
	require.Equal(t, 0.25, accuracy)
	require.Equal(t, 0.75, loss)
	accuracy, loss = (&Result{}).Gap()
	require.Zero(t, accuracy)
	require.Zero(t, loss)
}
