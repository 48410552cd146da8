// Ours measures this project for the comparison in bench/run.py.
//
//	go run ./bench/ours -task step|eval|epoch|first -batch 64 -stem imagenet -n 15 [-bfloat16]
//
// It prints one JSON object: seconds (a list, one for each step, evaluation or epoch), the process's peak
// memory in MB and the backend.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

var (
	task    = flag.String("task", "step", "step, eval, epoch or first")
	batch   = flag.Int("batch", 64, "images in a batch")
	stem    = flag.String("stem", "imagenet", "imagenet or cifar")
	classes = flag.Int("classes", 10, "outputs")
	n       = flag.Int("n", 15, "number of measurements, after two for warm-up")
	images  = flag.Int("images", 40000, "training images of an epoch, which also evaluates 10000")
	bf16    = flag.Bool("bfloat16", false, "convolve in bfloat16")
)

func main() {
	start := processStart()
	flag.Parse()
	seconds, err := measure(start)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	b, _ := backend.Default()
	json.NewEncoder(os.Stdout).Encode(map[string]any{"seconds": seconds, "peak_mb": peak(), "device": backend.Describe(b)})
}

func measure(start time.Time) (seconds []float64, err error) {
	b, err := backend.Default()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	m := resnet.Config{NumClasses: *classes, Stem: resnet.Stem(*stem), BFloat16: *bf16}
	r, err := runner.New(b, m, dir, runner.Config{Epochs: 1, BatchSize: *batch, EvalSteps: 1 << 30, SaveEvery: time.Hour})
	if err != nil {
		return nil, err
	}
	defer r.Finalize()
	r.Out = io.Discard
	switch *task {
	case "eval":
		return repeat(*n, 1, func() error { _, _, err := r.Evaluate(context.Background(), noise(10000)); return err })
	case "epoch": // a new run each time: training, one evaluation of 10,000 images, saving
		return repeat(1, 0, func() error { return r.Train(context.Background(), noise(*images), noise(10000)) })
	case "first":
		r.Out = writerFunc(func(line string) {
			if len(seconds) == 0 && strings.HasPrefix(line, "[Train] epoch: 0") { // printed after the first step
				seconds = append(seconds, time.Since(start).Seconds())
			}
		})
		err := r.Train(context.Background(), noise(*batch), noise(250))
		return seconds, err
	}
	err = r.Train(context.Background(), noise(*batch*(*n+2)), noise(250))
	if err != nil {
		return nil, err
	}
	for _, s := range r.History.Steps {
		seconds = append(seconds, float64(s.Seconds))
	}
	return seconds[2:], nil
}

type writerFunc func(line string)

func (f writerFunc) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}

func repeat(n, warmUp int, f func() error) (seconds []float64, err error) {
	for i := range warmUp + n {
		t := time.Now()
		if err := f(); err != nil {
			return nil, err
		}
		if i >= warmUp {
			seconds = append(seconds, time.Since(t).Seconds())
		}
	}
	return seconds, nil
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
func peak() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Maxrss / 1024
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
