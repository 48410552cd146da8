package main

import (
	"bytes"
	"path/filepath"
	"testing"

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
		{[]string{"train", "-h"}, 0, "", "passes over the training set"},
		{[]string{"fly"}, 2, "", `no command "fly"`},
		{[]string{"train", "-speed", "9"}, 2, "", "flag provided but not defined"},
		{[]string{"train", "now"}, 2, "", "1 arguments"},
		{[]string{"predict"}, 2, "", `0 arguments, want "INDEX|FILE"`},
		{[]string{"summary"}, 0, "11,689,512", ""},
		{[]string{"summary", "-model", "custom"}, 0, "11,181,642", ""},
		{[]string{"summary", "-model", "vgg"}, 1, "", `-model is "vgg", want library, custom or plain`},
		{[]string{"train", "-epochs", "0", "-work", t.TempDir(), "-backend", "go"}, 1, "", "epochs"},
		{[]string{"evaluate", "-work", t.TempDir(), "-backend", "quantum"}, 1, "", `backend "quantum"`},
	} {
		code, out, err := call(test.args...)
		require.Equal(t, test.code, code, "%v: %s", test.args, err)
		require.Contains(t, out, test.out, test.args)
		require.Contains(t, err, test.err, test.args)
	}
}

// TestSteps takes all the steps with a few images, on the pure-Go backend.
func TestSteps(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	flags := []string{"-work", work, "-backend", "go", "-epochs", "1", "-train-images", "16", "-model", "custom"}
	code, _, err := call(append([]string{"predict"}, append(flags, "2")...)...)
	require.Equal(t, 1, code)
	require.Contains(t, err, `run "resnet18 train -model custom" first`)

	code, out, err := call(append([]string{"train"}, flags...)...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "computes with: pure Go")
	require.Contains(t, out, "[Train] epoch: 0/1, step: 0/1, loss: 2.")
	require.Contains(t, out, "[Test] accuracy/loss: 0.")
	require.FileExists(t, filepath.Join(work, "runs", "custom", "best.safetensors"))

	code, out, err = call(append([]string{"predict"}, append(flags, "2")...)...)
	require.Equal(t, 0, code, err)
	require.Contains(t, out, "The true category is ship and the predicted category is")

	code, _, err = call(append([]string{"predict"}, append(flags, "no.jpg")...)...)
	require.Equal(t, 1, code)
	require.Contains(t, err, "no.jpg")
}
