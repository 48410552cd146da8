package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/data/weights"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/metrics"
	"nndl.example/resnet18/pkg/pretrained"
)

func call(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args     []string
		code     int
		out, err string
	}{
		{nil, 0, "resnet18 predict 2 my-cat.jpg", ""},
		{[]string{"-h"}, 0, "resnet18 train", ""},
		{[]string{"train", "-h"}, 0, "passes over the training set", ""},
		{[]string{"fly"}, 2, "", `no command "fly"`},
		{[]string{"help", "train"}, 0, "passes over the training set", ""},
		{[]string{"train", "--help"}, 0, "passes over the training set", ""},
		{[]string{"completion", "bash"}, 0, "bash completion V2 for resnet18", ""},
		{[]string{"trian"}, 2, "", `resnet18: no command "trian"; did you mean "train"?; see "resnet18 -h"`},
		{[]string{"completion", "tcsh"}, 2, "", `shell is "tcsh", want bash, zsh, fish or powershell`},
		{[]string{"help", "fly"}, 2, "", `no command "fly"`},
		{[]string{"train", "-speed", "9"}, 2, "", `resnet18 train: unknown flag -speed; see "resnet18 train -h"`},
		{[]string{"train", "-x"}, 2, "", `unknown flag -x`},
		{[]string{"train", "-epochs", "ten"}, 2, "", `-epochs is "ten", want a whole number`},
		{[]string{"train", "--lr=fast"}, 2, "", `-lr is "fast", want a number`},
		{[]string{"train", "-epochs"}, 2, "", `-epochs needs a value`},
		{[]string{"train", "now"}, 2, "", "got 1 arguments, want none"},
		{[]string{"train", "-run", "../x"}, 2, "", `-run is "../x", want the name of a folder in WORK/runs`},
		{[]string{"predict"}, 2, "", "got 0 arguments, want INDEX|FILE..."},
		{[]string{"predict", "1", "-weights", "a", "-run", "b"}, 2, "", "got -run and -weights, want only one of them"},
		{[]string{"evaluate", "a", "-run", "b"}, 2, "", "got -run and a file of weights, want only one of them"},
		{[]string{"evaluate", "-epochs", "3"}, 2, "", "unknown flag -epochs"},
		{[]string{"evaluate", ""}, 2, "", "a FILE is empty, want the path of a file of weights"},
		{[]string{"evaluate", "-confusion", "missing/m.svg"}, 1, "", "-confusion missing/m.svg: its folder: "},
		{[]string{"curves", "x.pdf"}, 2, "", `extension ".pdf", want .svg or .png`},
		{[]string{"curves", "x.svg", "-work", t.TempDir()}, 1, "", "no run has been saved in"},
		{[]string{"curves", "x.svg", "-work", "https://example.org/w"}, 2, "", "-work is the URL https://example.org/w, want a path: download the file first"},
		{[]string{"summary"}, 0, "11,689,512", ""},
		{[]string{"summary", "-model", "custom"}, 0, "11,181,642", ""},
		{[]string{"summary", "-model", "custom", "--stem=cifar", "-plain"}, 0, "11,000,138", ""},
		{[]string{"summary", "-model", "vgg"}, 2, "", `-model is "vgg", want library, custom or plain`},
		{[]string{"summary", "-depth", "34"}, 0, "21,797,672", ""},
		{[]string{"summary", "-depth", "0"}, 2, "", "-depth is 0, want 18 or 34"},
		{[]string{"train", "-depth", "50"}, 2, "", "-depth is 50, want 18 or 34"},
		{[]string{"summary", "-stem", "oak"}, 2, "", `-stem is "oak", want imagenet or cifar`},
		{[]string{"compile", "-backend", "go"}, 0, "keeps no compiled programs: nothing to do", ""},
		{[]string{"train", "-epochs", "0", "-work", t.TempDir(), "-backend", "go"}, 2, "", "-epochs is 0, want at least 1"},
		{[]string{"train", "-devices", "0"}, 2, "", "-devices is 0, want at least 1"},
		{[]string{"evaluate", "-train-images", "-3"}, 2, "", "-train-images is -3, want 0 (all) or more"},
		{[]string{"train", "-work", t.TempDir(), "-backend", "quantum"}, 1, "", `backend "quantum"`},
	} {
		code, out, err := call(test.args...)
		require.Equal(t, test.code, code, "%v: %s", test.args, err)
		require.Contains(t, out, test.out, test.args)
		require.Contains(t, err, test.err, test.args)
		if test.code == 0 {
			require.Empty(t, err, test.args)
		} else {
			require.Empty(t, out, test.args)
			require.Equal(t, 1, strings.Count(err, "\n"), "%v: %s", test.args, err)
		}
	}
}

// envTwice holds the arguments of a training that TestMain runs instead of the tests, and ends with two Ctrl-C.
const envTwice = "RESNET18_TEST_INTERRUPTED_TWICE"

func TestMain(m *testing.M) {
	if args := os.Getenv(envTwice); args != "" {
		os.Exit(run(strings.Split(args, "\n"), &interrupter{signals: []os.Signal{os.Interrupt, os.Interrupt}}, os.Stderr))
	}
	code := m.Run()
	if folder := dataFolder.Load(); folder != nil {
		os.RemoveAll(*folder)
	}
	os.Exit(code)
}

var dataFolder atomic.Pointer[string] // the folder of sharedData, to be removed

// sharedData rebuilds the embedded CIFAR-10 once for all tests.
var sharedData = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "resnet18-data-")
	if err != nil {
		return "", err
	}
	dataFolder.Store(&folder)
	_, err = cifar.Find(context.Background(), cifar.FindOptions{Dir: folder, Progress: io.Discard})
	return folder, err
})

// workFolder returns a new folder for -work that has the data.
func workFolder(t *testing.T) string {
	t.Helper()
	data, err := sharedData()
	require.NoError(t, err)
	work := t.TempDir()
	require.NoError(t, os.Symlink(data, filepath.Join(work, "data")))
	return work
}

// TestSteps takes all the steps with a few images, on the pure-Go backend. Ctrl-C and the signal by which systems end
// programs stop the training, and the same command goes on. A second one does not wait.
//
// It is not parallel: the signals would stop the training runs of other tests, too.
func TestSteps(t *testing.T) {
	work := workFolder(t)
	flags := []string{"-work", work, "-backend", "go", "-train-images", "16", "-model", "custom"}
	dir := filepath.Join(work, "runs", "custom-16-images")
	embedded := weights.Files
	t.Cleanup(func() { weights.Files = embedded })
	weights.Files = fstest.MapFS{}
	code, _, err := call(append(append([]string{"predict"}, flags...), "2")...)
	require.Equal(t, 1, code)
	require.Contains(t, err, `run "resnet18 train -model custom -train-images 16 -work `+work+`" first`)

	train := append([]string{"train", "-epochs", "3"}, flags...)
	if runtime.GOOS != "windows" { // which has no way to send Ctrl-C to oneself
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			out := interrupter{signals: []os.Signal{signal}}
			var err bytes.Buffer
			require.Equal(t, 130, run(train, &out, &err), err.String())
			require.Empty(t, err.String(), "the training has said how to go on")
			require.Contains(t, out.String(), "[Train] stopped after step 1 of 3 and saved in "+dir+"; run it again to resume")
		}
		self, err := os.Executable()
		require.NoError(t, err)
		twice := exec.Command(self)
		twice.Env = append(os.Environ(), envTwice+"="+strings.Join(train, "\n"))
		out, err := twice.CombinedOutput()
		require.Error(t, err, "%s", out)
		require.Equal(t, "signal: interrupt", twice.ProcessState.String(), "%s", out)
		testStoppedExperiment(t, work)
	}
	code, out, err := call(train...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "backend: pure Go")
	require.Contains(t, out, "10 classes, 11.18 million parameters")
	require.Contains(t, out, "[Train] epoch: 0/3, step: 0/3, loss: 2.")
	require.Regexp(t, `\[Test\] accuracy/loss: 0\.\d{4}/\d+\.\d{4}\n$`, out)
	require.FileExists(t, filepath.Join(dir, "best.safetensors"))
	last := out[strings.LastIndex(out, "[Test]"):]

	code, out, err = call(append([]string{"evaluate"}, flags...)...)
	require.Equal(t, 0, code, err)
	require.True(t, strings.HasSuffix(out, last), "%q does not end in %q", out, last)

	testEvaluateFiles(t, flags, filepath.Join(dir, "best.safetensors"), last)
	testGivenData(t, work, flags)
	testPredict(t, flags)
	testCurves(t, flags)

	code, _, err = call("evaluate", "-work", work)
	require.Equal(t, 1, code)
	require.Contains(t, err, `run "resnet18 train -model library -work `+work+`" first, or choose another with -run: custom-16-images`)
	testShip(t, flags, last)
}

// testStoppedExperiment: a row that is stopped has no result, and the same command goes on.
func testStoppedExperiment(t *testing.T, work string) {
	experiment := []string{"experiment", "reference", "-epochs", "3", "-train-images", "16", "-backend", "go", "-work", work}
	stopped := interrupter{signals: []os.Signal{os.Interrupt}}
	var stderr bytes.Buffer
	require.Equal(t, 130, run(experiment, &stopped, &stderr), stderr.String())
	require.Contains(t, stopped.String(), "run it again to resume")
	require.NoDirExists(t, filepath.Join(work, "results"))
	code, out, err := call(experiment...)
	require.Zero(t, code, err)
	require.Contains(t, out, "(resuming at step 1 of 3)")
	require.DirExists(t, filepath.Join(work, "results"))
}

// testShip writes the run in the compact form. In another folder, without a training, it is what evaluate and predict use.
func testShip(t *testing.T, flags []string, last string) {
	file := filepath.Join(t.TempDir(), "custom.safetensors.gz")
	ship := append(append([]string{"ship"}, flags...), "-commit", "abc123")
	code, _, err := call(append(ship, "-dtype", "F64", file)...)
	require.Equal(t, 2, code)
	require.Contains(t, err, `-dtype is "F64", want F32, F16, BF16, I8 or smallest`)
	code, out, err := call(append(ship, "-dtype", "F32", file)...)
	require.Equal(t, 0, code, err)
	require.Regexp(t, `\nF32 +\d+ +0\.\d{4} +0 +0\n`, out)
	require.Regexp(t, `\nI8 +\d+ +0\.\d{4} +\d+ +\S+\n`, out)
	data, e := os.ReadFile(file)
	require.NoError(t, e)
	w, e := pretrained.Open(data)
	require.NoError(t, e)
	require.Equal(t, pretrained.Info{
		Network: "ResNet-18, imagenet stem, 10 classes", DType: "F32", Accuracy: w.Info.Accuracy, AccuracyFloat32: w.Info.Accuracy, TestImages: 16,
		Data: w.Info.Data, Run: "custom-16-images", Commit: "abc123", Command: w.Info.Command,
	}, w.Info)
	require.Contains(t, w.Info.Command, "resnet18 ship -work")
	code, out, err = call(append(ship, filepath.Join(t.TempDir(), "smallest.gz"))...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, ": "+smallestOf(t, out)+" bytes\n")

	weights.Files = fstest.MapFS{filepath.Base(file): {Data: data}}
	other := []string{"-work", workFolder(t), "-backend", "go", "-train-images", "16", "-model", "custom"}
	code, out, err = call(append([]string{"evaluate"}, other...)...)
	require.Equal(t, 0, code)
	require.True(t, strings.HasSuffix(out, last), "%q does not end in %q", out, last)
	note := func(work string) string {
		return `("resnet18 train -model custom -train-images 16 -work ` + work + `" makes one): using the project's, with test accuracy`
	}
	require.Contains(t, err, note(other[1]))
	require.Equal(t, 1, strings.Count(err, "\n"))

	empty := t.TempDir()
	code, out, err = call(append([]string{"predict", "-json", "-work", empty}, append(other[2:], whitePicture(t))...)...)
	require.Equal(t, 0, code, err)
	var p prediction
	strict(t, out, &p)
	require.Equal(t, "data/weights/custom.safetensors.gz", p.File)
	require.Contains(t, err, note(empty))
	code, _, err = call("predict", "-work", empty, "-run", "mine", whitePicture(t))
	require.Equal(t, 1, code, "a run that is named must exist")
	require.Contains(t, err, `run "resnet18 train -run mine -work `+empty+`" first`)
}

// smallestOf returns "TYPE, BYTES" of the smallest file in ship's table that keeps the accuracy; on 16 images one answer is too much.
func smallestOf(t *testing.T, table string) (smallest string) {
	exact, fewest := "", 0
	for _, m := range regexp.MustCompile(`(?m)^(F32|F16|BF16|I8) +(\d+) +(\d\.\d{4}) `).FindAllStringSubmatch(table, -1) {
		size, err := strconv.Atoi(m[2])
		require.NoError(t, err)
		if m[1] == "F32" {
			exact = m[3]
		}
		if smallest == "" || size < fewest && m[3] >= exact {
			smallest, fewest = m[1]+", "+m[2], size
		}
	}
	return smallest
}

// testEvaluateFiles scores files of weights. One that fails does not keep the others from being scored.
func testEvaluateFiles(t *testing.T, flags []string, best, last string) {
	flags = append([]string{"evaluate", "-model", "library"}, flags[:len(flags)-2]...) // the network follows from the file
	code, out, err := call(append(flags, "-weights", best)...)
	require.Equal(t, 0, code, err)
	require.True(t, strings.HasSuffix(out, last), "%q does not end in %q", out, last)

	code, out, err = call(append(flags, best, "none.safetensors", best)...)
	require.Equal(t, 1, code)
	require.Regexp(t, `^resnet18: .*none\.safetensors.*\n$`, err)
	require.Equal(t, 2, strings.Count(out, strings.TrimSpace(last)+"  "+best+"\n"), out)

	code, out, err = call(append(flags, "-json", best, best)...)
	require.Equal(t, 0, code, err)
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		var s score
		strict(t, line, &s)
		require.Equal(t, fmt.Sprintf("[Test] accuracy/loss: %.4f/%.4f\n", s.Accuracy, s.Loss), last)
		s.Accuracy, s.Loss, s.Data = s.Accuracy*16-float64(s.Correct), 0, ""
		require.Equal(t, score{File: best, Network: "ResNet-18, imagenet stem, 10 classes", Images: 16, Correct: s.Correct, Device: s.Device}, s)
	}
	require.Equal(t, 2, strings.Count(out, "\n"))
}

// testGivenData: the images keep their origin when their archive is given by name.
func testGivenData(t *testing.T, work string, flags []string) {
	t.Run("given data", func(t *testing.T) {
		if os.Getenv(cifar.PathVariable) != "" {
			t.Skip("the embedded copy is not used")
		}
		t.Setenv(cifar.PathVariable, filepath.Join(work, "data", "embedded", cifar.Python.Archive()))
		code, out, err := call(append([]string{"evaluate", "-json"}, flags...)...)
		require.Equal(t, 0, code, err)
		var s score
		strict(t, out, &s)
		require.Equal(t, "embedded JPEG copy", s.Data)
	})
}

// strict decodes JSON that has no other fields than v.
func strict(t *testing.T, text string, v any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(v), text)
}

// testPredict classifies test images and pictures, alone and together.
func testPredict(t *testing.T, flags []string) {
	predict, white := append([]string{"predict"}, flags...), whitePicture(t)
	code, out, err := call(append(predict, "2")...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "\nThe true category is ship and the predicted category is")
	require.Equal(t, 5, strings.Count(out, "%\n"))
	for arg, want := range map[string]string{"no.jpg": "no.jpg", "16": "no test image 16: want 0 to 15"} {
		code, _, err = call(append(predict, arg)...)
		require.Equal(t, 1, code)
		require.Contains(t, err, want)
	}
	code, out, err = call(append(predict, white)...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "\nThe predicted category is")

	code, out, err = call(append(predict, "2", "no.jpg", "16", white)...)
	require.Equal(t, 1, code)
	require.Regexp(t, `^resnet18: .*no\.jpg.*\nresnet18: .*no test image 16.*\n$`, err)
	require.Contains(t, out, "\n2: The true category is ship")
	require.Contains(t, out, "\n"+white+": The predicted category is")

	code, out, err = call(append(predict, "-json", "2", "no.jpg", white)...)
	require.Equal(t, 1, code)
	require.Contains(t, err, "no.jpg")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 2)
	for i, want := range []prediction{{Input: "2", TrueClass: "ship"}, {Input: white}} {
		var p prediction
		strict(t, lines[i], &p)
		require.Len(t, p.Top, 5)
		require.Equal(t, p.Top[0], p.candidate)
		require.Equal(t, metrics.ClassName(p.Index), p.Class)
		require.True(t, slices.IsSortedFunc(p.Top, func(a, b candidate) int { return cmp.Compare(b.Probability, a.Probability) }), "the likeliest first")
		require.Equal(t, "best.safetensors", filepath.Base(p.File))
		require.Equal(t, [2]string{want.Input, want.TrueClass}, [2]string{p.Input, p.TrueClass})
	}
	require.NotContains(t, lines[1], "true_class")
}

// testCurves draws the run, to a file and to stdout.
func testCurves(t *testing.T, flags []string) {
	var where []string // all flags but -backend
	for i := 0; i < len(flags); i += 2 {
		if flags[i] != "-backend" {
			where = append(where, flags[i:i+2]...)
		}
	}
	file := filepath.Join(t.TempDir(), "curves.svg")
	code, out, err := call(append([]string{"curves", file}, where...)...)
	require.Equal(t, 0, code, err)
	require.Empty(t, out)
	svg, e := os.ReadFile(file)
	require.NoError(t, e)
	require.True(t, bytes.HasPrefix(svg, []byte("<svg")))
	require.Contains(t, string(svg), "custom-16-images")
	code, out, err = call(append([]string{"curves", "-"}, where...)...)
	require.Equal(t, 0, code, err)
	require.Equal(t, string(svg), out)
}

// whitePicture is the path of an image file.
func whitePicture(t *testing.T) string {
	img := image.NewGray(image.Rect(0, 0, 50, 40))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	f, err := os.Create(filepath.Join(t.TempDir(), "white.png"))
	require.NoError(t, err)
	require.NoError(t, png.Encode(f, img))
	require.NoError(t, f.Close())
	return f.Name()
}

// interrupter is an output that sends signals to this process when the first training step is through.
type interrupter struct {
	bytes.Buffer
	signals []os.Signal
}

func (w *interrupter) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("[Train] epoch: 0")) {
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			return 0, err
		}
		for _, s := range w.signals {
			if err := self.Signal(s); err != nil {
				return 0, err
			}
			time.Sleep(time.Second) // for the signal to arrive
		}
	}
	return w.Buffer.Write(p)
}

// A panic is one line, like any other error.
func TestPanic(t *testing.T) {
	t.Setenv("GOTRACEBACK", "")
	root := newRoot(io.Discard, io.Discard)
	root.AddCommand(&cobra.Command{Use: "break", RunE: func(*cobra.Command, []string) error { panic("no such thing\nsecond line") }})
	root.SetArgs([]string{"break"})
	_, err := execute(root)
	require.EqualError(t, err, "a bug: no such thing\nsecond line; GOTRACEBACK=all shows where")
	require.Equal(t, "a bug: no such thing; second line; GOTRACEBACK=all shows where", oneLine(err))
}
