package main

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
		{nil, 0, "resnet18 predict my-cat.jpg", ""},
		{[]string{"-h"}, 0, "resnet18 train", ""},
		{[]string{"train", "-h"}, 0, "passes over the training set", ""},
		{[]string{"fly"}, 2, "", `no command "fly"`},
		{[]string{"train", "-speed", "9"}, 2, "", "flag provided but not defined"},
		{[]string{"train", "now"}, 2, "", "1 arguments"},
		{[]string{"predict"}, 2, "", `0 arguments, want "INDEX|FILE"`},
		{[]string{"summary"}, 0, "11,689,512", ""},
		{[]string{"summary", "-model", "custom"}, 0, "11,181,642", ""},
		{[]string{"summary", "-model", "vgg"}, 2, "", `-model is "vgg", want library, custom or plain`},
		{[]string{"compile", "-backend", "go"}, 0, "keeps no compiled programs: nothing to do", ""},
		{[]string{"train", "-epochs", "0", "-work", t.TempDir(), "-backend", "go"}, 2, "", "-epochs is 0, want at least 1"},
		{[]string{"train", "-devices", "0"}, 2, "", "-devices is 0, want at least 1"},
		{[]string{"evaluate", "-train-images", "-3"}, 2, "", "-train-images is -3, want 0 (all) or more"},
		{[]string{"evaluate", "-work", t.TempDir(), "-backend", "quantum"}, 1, "", `backend "quantum"`},
	} {
		code, out, err := call(test.args...)
		require.Equal(t, test.code, code, "%v: %s", test.args, err)
		require.Contains(t, out, test.out, test.args)
		require.Contains(t, err, test.err, test.args)
		if test.code == 0 {
			require.Empty(t, err, test.args)
		} else {
			require.Empty(t, out, test.args)
		}
	}
}

// envTwice holds the arguments of a training that TestMain runs instead of the tests, and ends with two Ctrl-C.
const envTwice = "RESNET18_TEST_INTERRUPTED_TWICE"

func TestMain(m *testing.M) {
	if args := os.Getenv(envTwice); args != "" {
		os.Exit(run(strings.Split(args, "\n"), &interrupter{signals: []os.Signal{os.Interrupt, os.Interrupt}}, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestSteps takes all the steps with a few images, on the pure-Go backend. Ctrl-C and the signal by which systems end
// programs stop the training, and the same command goes on. A second one does not wait.
func TestSteps(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	flags := []string{"-work", work, "-backend", "go", "-epochs", "3", "-train-images", "16", "-model", "custom"}
	code, _, err := call(append(append([]string{"predict"}, flags...), "2")...)
	require.Equal(t, 1, code)
	require.Contains(t, err, `run "resnet18 train -model custom" first`)

	train := append([]string{"train"}, flags...)
	if runtime.GOOS != "windows" { // which has no way to send Ctrl-C to oneself
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			out := interrupter{signals: []os.Signal{signal}}
			var err bytes.Buffer
			require.Equal(t, 130, run(train, &out, &err), err.String())
			require.Empty(t, err.String(), "the training has said how to go on")
			require.Contains(t, out.String(), "[Train] stopped after step 1 of 3 and saved in "+filepath.Join(work, "runs", "custom-16-images")+"; run it again to resume")
		}
		self, err := os.Executable()
		require.NoError(t, err)
		twice := exec.Command(self)
		twice.Env = append(os.Environ(), envTwice+"="+strings.Join(train, "\n"))
		out, err := twice.CombinedOutput()
		require.Error(t, err, "%s", out)
		require.Equal(t, "signal: interrupt", twice.ProcessState.String(), "%s", out)
	}
	code, out, err := call(train...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "backend: pure Go")
	require.Contains(t, out, "10 classes, 11.18 million parameters")
	require.Contains(t, out, "[Train] epoch: 0/3, step: 0/3, loss: 2.")
	require.Regexp(t, `\[Test\] accuracy/loss: 0\.\d{4}/\d+\.\d{4}\n$`, out)
	require.FileExists(t, filepath.Join(work, "runs", "custom-16-images", "best.safetensors"))
	last := out[strings.LastIndex(out, "[Test]"):]

	code, out, err = call(append([]string{"evaluate"}, flags...)...)
	require.Equal(t, 0, code, err)
	require.True(t, strings.HasSuffix(out, last), "%q does not end in %q", out, last)

	code, out, err = call(append(append([]string{"predict"}, flags...), "2")...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "The true category is ship and the predicted category is")
	require.Equal(t, 5, strings.Count(out, "%\n"))

	for arg, want := range map[string]string{"no.jpg": "no.jpg", "16": "no test image 16: want 0 to 15"} {
		code, _, err = call(append(append([]string{"predict"}, flags...), arg)...)
		require.Equal(t, 1, code)
		require.Contains(t, err, want)
	}
	code, out, err = call(append(append([]string{"predict"}, flags...), whitePicture(t))...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "\nThe predicted category is")
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
