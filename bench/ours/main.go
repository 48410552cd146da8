// Ours measures this project for the comparison in bench/run.py.
//
//	go run ./bench/ours -task step|eval|epoch|first|roofline|start|equal -batch 64 -stem imagenet -n 15 [-bfloat16] [-launch-steps 25]
//
// It prints one JSON object: seconds (a list, one for each step, evaluation or epoch), cpu (the same in processor time of all
// threads), the process's peak memory in MB and the backend. roofline.go and equal.go have the tasks of those names; start only starts
// the backend.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gomlx/compute"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

var (
	task    = flag.String("task", "step", "step, eval, epoch, first, roofline, start or equal")
	batch   = flag.Int("batch", 64, "images in a batch")
	stem    = flag.String("stem", "imagenet", "imagenet or cifar")
	classes = flag.Int("classes", 10, "outputs")
	n       = flag.Int("n", 15, "number of measurements, after two for warm-up")
	images  = flag.Int("images", 40000, "training images of an epoch, which also evaluates 10000")
	bf16    = flag.Bool("bfloat16", false, "convolve in bfloat16")
	launch  = flag.Int("launch-steps", 0, "training steps in a launch; 0 means 25 on a GPU, otherwise 1")
)

func main() {
	start := processStart()
	flag.Parse()
	if *task == "roofline" {
		if err := printRoofline(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	b, err := backend.Default()
	result := map[string]any{}
	switch {
	case err != nil || *task == "start":
	case *task == "equal":
		result["steps"], result["runs"], err = equal(b)
	default:
		var m measurements
		m, err = measure(b, start)
		result["seconds"], result["cpu"] = m.seconds, m.cpu
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	result["peak_mb"], result["device"] = peak(), backend.Describe(b)
	json.NewEncoder(os.Stdout).Encode(result)
}

// newRunner returns a runner that trains and evaluates without saving in between, in a folder that close removes.
func newRunner(b compute.Backend, launchSteps int) (r *runner.Runner, close func(), err error) {
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return nil, nil, err
	}
	r, err = runner.New(b, network(), dir, runner.Config{Epochs: 1, BatchSize: *batch, EvalSteps: 1 << 30, SaveEvery: time.Hour, LaunchSteps: launchSteps})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.Out = io.Discard
	return r, func() { r.Finalize(); os.RemoveAll(dir) }, nil
}

func network() resnet.Config {
	return resnet.Config{NumClasses: *classes, Stem: resnet.Stem(*stem), BFloat16: *bf16}
}

// measurements are seconds of wall and of processor time.
type measurements struct{ seconds, cpu []float64 }

func measure(b compute.Backend, start time.Time) (m measurements, err error) {
	r, close, err := newRunner(b, *launch)
	if err != nil {
		return m, err
	}
	defer close()
	switch *task {
	case "eval":
		return repeat(*n, 1, func() error { _, _, err := r.Evaluate(context.Background(), noise(10000)); return err })
	case "epoch": // a new run each time: training, one evaluation of 10,000 images, saving
		return repeat(1, 0, func() error { return r.Train(context.Background(), noise(*images), noise(10000)) })
	case "first":
		r.Out = writerFunc(func(line string) {
			if len(m.seconds) == 0 && strings.HasPrefix(line, "[Train] epoch: 0") { // printed after the first step
				m.seconds, m.cpu = append(m.seconds, time.Since(start).Seconds()), append(m.cpu, cpuSeconds())
			}
		})
		err := r.Train(context.Background(), noise(*batch), noise(250))
		return m, err
	}
	if size := r.Config.LaunchSteps; size > 1 { // a hook would make single steps
		warmUp := 1 + size // the first step and the first launch are compiled
		if err := r.Train(context.Background(), noise(*batch*(warmUp+(*n+size-1)/size*size)), noise(250)); err != nil {
			return m, err
		}
		for _, s := range r.History.Steps[warmUp:] {
			m.seconds = append(m.seconds, float64(s.Seconds))
		}
		return m, nil
	}
	last := cpuSeconds()
	r.OnStep(func(_ int, s runner.Step) error {
		now := cpuSeconds()
		m.seconds, m.cpu = append(m.seconds, float64(s.Seconds)), append(m.cpu, now-last)
		last = now
		return nil
	})
	if err := r.Train(context.Background(), noise(*batch*(*n+2)), noise(250)); err != nil {
		return m, err
	}
	return measurements{m.seconds[2:], m.cpu[2:]}, nil
}

type writerFunc func(line string)

func (f writerFunc) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}

func repeat(n, warmUp int, f func() error) (m measurements, err error) {
	for i := range warmUp + n {
		t, cpu := time.Now(), cpuSeconds()
		if err := f(); err != nil {
			return m, err
		}
		if i >= warmUp {
			m.seconds, m.cpu = append(m.seconds, time.Since(t).Seconds()), append(m.cpu, cpuSeconds()-cpu)
		}
	}
	return m, nil
}

// noise returns images of pseudo-random bytes, which take as long to process as photographs.
func noise(n int) *cifar.Dataset {
	d := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, n*cifar.ImageSize), Labels: make([]uint16, n), Origin: "noise"}
	state := uint32(1)
	for i := range d.Pixels {
		state = state*1664525 + 1013904223
		d.Pixels[i] = uint8(state >> 24)
	}
	for i := range d.Labels {
		d.Labels[i] = uint16(i % cifar.NumClasses)
	}
	return d
}

// peak returns the largest resident memory of this process so far, in MB.
func peak() int64 { return usage().Maxrss / 1024 }

// cpuSeconds returns the processor time that all threads of this process have used so far.
func cpuSeconds() float64 {
	u := usage()
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func usage() (u syscall.Rusage) {
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u
}

// processStart returns the time at which the operating system started this process, before the Go runtime
// and the packages.
func processStart() time.Time {
	info, err := os.Stat(fmt.Sprintf("/proc/%d", os.Getpid()))
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
}
