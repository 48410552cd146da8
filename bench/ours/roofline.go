package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

// roofline is the result of -task roofline.
type roofline struct {
	Square    float64         `json:"square_gflops"` // XLA's product of two square matrices
	Bandwidth []bandwidth     `json:"bandwidth"`
	Works     map[string]work `json:"works"`
}

// bandwidth is the rate of a triad, y = a + s·b, whose arrays together have this size.
type bandwidth struct {
	MB  float64 `json:"mb"`
	GBs float64 `json:"gb_per_s"`
}

// work is a task of bench/run.py: its operations, its bytes and the times that they need at the measured rates.
type work struct {
	DirectMACs   int64   `json:"direct_macs"`      // multiply-adds by the definition of the layers
	ExecutedMACs int64   `json:"executed_macs"`    // of the program's products, after Winograd
	LeastBytes   int64   `json:"least_bytes"`      // see leastBytes
	MovedBytes   int64   `json:"moved_bytes"`      // that the program's kernels read and write
	Peak         float64 `json:"peak_s"`           // the program's products at the rate of the square product
	Products     float64 `json:"products_s"`       // the program's products, each at the rate measured for its shape
	Least        float64 `json:"least_bytes_s"`    // the least bytes at the largest triad's rate
	Kernels      float64 `json:"kernels_s"`        // the other kernels, at the triad's rate for their size
	Slowest      []shape `json:"slowest_products"` // those that take longest
}

// shape is a product's part of a work.
type shape struct {
	Product string  `json:"product"`
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
	GFLOPs  float64 `json:"gflops"`
}

// steps are the training steps with a roofline. An evaluation of 10,000 images is the fourth work.
var steps = []struct {
	name  string
	batch int
	stem  resnet.Stem
}{
	{"step64", 64, resnet.ImageNetStem},
	{"step256", 256, resnet.ImageNetStem},
	{"cifar64", 64, resnet.CIFARStem},
}

// measureRoofline measures the machine's rates and counts what each work needs.
func measureRoofline() (r roofline, err error) {
	b, err := backend.Default()
	if err != nil {
		return r, err
	}
	if backend.Describe(b) != "XLA on the CPU" {
		return r, fmt.Errorf("bench: the roofline is that of XLA on the CPU, got %s", backend.Describe(b))
	}
	const n = 2048
	square := product{operand{[]int{n, n}, nil, []int{1}}, operand{[]int{n, n}, nil, []int{0}}, n * n * n, 3 * 4 * n * n, 1}
	seconds, err := timeProduct(b, square)
	if err != nil {
		return r, err
	}
	r.Square = 2 * n * n * n / seconds / 1e9
	for _, mb := range []float64{1, 8, 64, 512} { // in the cache of a core, in that of all, in memory
		rate, err := timeTriad(b, mb)
		if err != nil {
			return r, err
		}
		r.Bandwidth = append(r.Bandwidth, bandwidth{mb, rate})
	}
	r.Works = map[string]work{}
	for i, w := range steps {
		step, evaluation, err := compiled(w.batch, w.stem)
		if err != nil {
			return r, err
		}
		summary := resnet.Config{NumClasses: *classes, Stem: w.stem}.Summary()
		if r.Works[w.name], err = r.work(b, step, 1, directMACs(summary, w.batch, true), leastBytes(summary, w.batch, true)); err != nil {
			return r, err
		}
		if i > 0 {
			continue
		}
		n := runner.EvalBatch
		r.Works["eval"], err = r.work(b, evaluation, 10000/n, directMACs(summary, n, false), leastBytes(summary, n, false))
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// work adds up what so many calls of a program compute and move.
func (r roofline) work(b compute.Backend, p program, calls int, direct, least int64) (w work, err error) {
	n := int64(calls)
	w = work{DirectMACs: n * direct, ExecutedMACs: n * p.macs(), LeastBytes: n * least, MovedBytes: n * p.bytes()}
	w.Peak = 2 * float64(w.ExecutedMACs) / (r.Square * 1e9)
	w.Least = float64(w.LeastBytes) / (r.Bandwidth[len(r.Bandwidth)-1].GBs * 1e9)
	for _, d := range p.products {
		seconds, err := timeProduct(b, d)
		if err != nil {
			return w, err
		}
		all := float64(calls*d.count) * seconds
		w.Products += all
		w.Slowest = append(w.Slowest, shape{d.String(), d.count * calls, all, 2 * float64(d.macs) / seconds / 1e9})
	}
	slices.SortFunc(w.Slowest, func(a, b shape) int { return cmp.Compare(b.Seconds, a.Seconds) })
	w.Slowest = w.Slowest[:min(5, len(w.Slowest))]
	for _, bytes := range p.kernels {
		w.Kernels += float64(n*bytes) / (r.rate(bytes) * 1e9)
	}
	return w, nil
}

// rate is that of the smallest measured triad with at least as many bytes.
func (r roofline) rate(bytes int64) float64 {
	for _, b := range r.Bandwidth {
		if float64(bytes) <= b.MB*1e6 {
			return b.GBs
		}
	}
	return r.Bandwidth[len(r.Bandwidth)-1].GBs
}

// directMACs counts each convolution and dense layer by its definition: once, and in training twice more, for the gradients of its
// input and its weights. The images need no gradient.
func directMACs(s resnet.Summary, batch int, training bool) int64 {
	if !training {
		return int64(batch) * s.MACs()
	}
	return int64(batch) * (3*s.MACs() - s.Layers[0].MACs)
}

// leastBytes is what a training step or an evaluation has to move if every kernel takes along what it can: 4 bytes for
//
//   - each parameter, its two moments and its gradient: read and written once, 8 numbers (evaluation: the parameter read, 1);
//   - each number of a layer's output for each image: a convolution writes it, and batch norm, which has to see all of them first, reads
//     it, and writes and reads its own result; backward the same with gradients, and both are read again, 10 numbers (evaluation:
//     written and read, 2).
func leastBytes(s resnet.Summary, batch int, training bool) int64 {
	perParameter, perOutput := int64(1), int64(2)
	if training {
		perParameter, perOutput = 8, 10
	}
	outputs := int64(0)
	for _, l := range s.Layers {
		size := int64(1)
		for _, d := range l.Output {
			size *= int64(d)
		}
		outputs += size
	}
	return 4 * (perParameter*int64(s.Params()) + perOutput*outputs*int64(batch))
}

// compiled returns the programs of a training step and of the evaluation as XLA has optimised them. Another process compiles and dumps
// them, with the flags that pkg/backend has set in this one.
func compiled(batch int, stem resnet.Stem) (step, evaluation program, err error) {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return step, evaluation, err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return step, evaluation, err
	}
	c := exec.Command(self, "-task=first", fmt.Sprintf("-batch=%d", batch), fmt.Sprintf("-stem=%s", stem), fmt.Sprintf("-classes=%d", *classes))
	c.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"),
		fmt.Sprintf("XLA_FLAGS=%s --xla_dump_to=%s --xla_dump_hlo_as_text", os.Getenv("XLA_FLAGS"), dir))
	if out, err := c.CombinedOutput(); err != nil {
		return step, evaluation, fmt.Errorf("bench: %v: %w: %s", c.Args, err, out)
	}
	step, err1 := readProgram(largestProgram(dir, true))
	evaluation, err2 := readProgram(largestProgram(dir, false))
	return step, evaluation, errors.Join(err1, err2)
}

// largestProgram returns the file of the trainer's largest program, or of the largest other one, which is the evaluation.
func largestProgram(dir string, trainer bool) (path string) {
	found, _ := filepath.Glob(filepath.Join(dir, "*after_optimizations.txt"))
	largest := int64(-1)
	for _, f := range found {
		info, err := os.Stat(f)
		if err == nil && strings.Contains(f, ".Trainer_") == trainer && info.Size() > largest {
			path, largest = f, info.Size()
		}
	}
	return path
}

// timeProduct returns the seconds that XLA takes for a product: the least of several calls, each with as many products as take about a
// millisecond, because a call itself takes a tenth of one.
func timeProduct(b compute.Backend, d product) (seconds float64, err error) {
	copies := int(min(16, max(1, 1e8/d.macs)))
	args := []any{filled(d.right.dims)}
	for range copies {
		args = append(args, filled(d.left.dims))
	}
	seconds, err = timed(b, args, func(in []*graph.Node) (out []*graph.Node) {
		for _, left := range in[1:] {
			out = append(out, graph.DotGeneral(left, d.left.summed, d.left.batch, in[0], d.right.summed, d.right.batch))
		}
		return out
	})
	return seconds / float64(copies), err
}

// timeTriad returns the rate in GB/s at which XLA computes y = a + s·b for eight s; all arrays together have so many MB.
func timeTriad(b compute.Backend, mb float64) (rate float64, err error) {
	const triads = 8
	n := int(mb * 1e6 / 4 / (2 + triads))
	seconds, err := timed(b, []any{filled([]int{n}), filled([]int{n})}, func(in []*graph.Node) (out []*graph.Node) {
		for s := range triads {
			out = append(out, graph.Add(in[0], graph.MulScalar(in[1], float64(s+2))))
		}
		return out
	})
	return triads * 3 * 4 * float64(n) / seconds / 1e9, err
}

// timed returns the least seconds of many calls of a graph, for a second at most.
func timed(b compute.Backend, args []any, build func(in []*graph.Node) []*graph.Node) (least float64, err error) {
	e, err := graph.NewExec(b, build)
	if err != nil {
		return 0, err
	}
	defer e.Finalize()
	defer func() {
		for _, a := range args {
			err = errors.Join(err, a.(*tensors.Tensor).FinalizeAll())
		}
	}()
	least = math.Inf(1)
	begin := time.Now()
	for n := 0; n < 5 || n < 50 && time.Since(begin) < time.Second; n++ {
		start := time.Now()
		out, err := e.Call(args...)
		if err != nil {
			return 0, err
		}
		least = min(least, time.Since(start).Seconds())
		for _, t := range out {
			if err := t.FinalizeAll(); err != nil {
				return 0, err
			}
		}
	}
	return least, nil
}

// filled returns a tensor of these dimensions with ordinary numbers.
func filled(dims []int) *tensors.Tensor {
	t := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
	if err := tensors.MutableFlatData(t, func(flat []float32) {
		for i := range flat {
			flat[i] = float32(i%251)/251 - 0.5
		}
	}); err != nil {
		panic(err) // of a shape and type that this function has chosen
	}
	return t
}

// printRoofline prints the result as one JSON object.
func printRoofline() error {
	r, err := measureRoofline()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}
