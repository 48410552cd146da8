package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
)

// Flags may come before and after the arguments, with one dash or two.
func TestFlagsAfterArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"predict", "2", "-model", "vgg"}, {"predict", "-model", "vgg", "2"}, {"predict", "--backend", "go", "2", "--model=vgg"},
	} {
		code, _, err := call(args...)
		require.Equal(t, 2, code, args)
		require.Contains(t, err, `-model is "vgg"`, args)
	}
	require.Equal(t, []string{"--lr", "-3", "-", "--run=a", "-h", "--", "-x"}, doubleDashes([]string{"-lr", "-3", "-", "--run=a", "-h", "--", "-x"}))
}

// Every command says in its help what it does, and lists its own flags and no others.
func TestHelp(t *testing.T) {
	t.Parallel()
	const network, saved = "model stem depth plain bfloat16", "work model run"
	want := map[string]string{
		"data":    "work train-images download",
		"summary": network,
		"train": "epochs train-images lr batch optimizer momentum weight-decay schedule warmup augment label-smoothing seed data from freeze " +
			network + " work run backend devices launch-steps download plot",
		"evaluate":   saved + " data weights confusion json train-images bfloat16 backend devices download",
		"predict":    saved + " data weights json train-images bfloat16 backend download",
		"curves":     saved + " train-images bfloat16",
		"export":     saved + " train-images bfloat16",
		"ship":       saved + " experiment dtype commit train-images backend download",
		"import":     network + " work run new-head",
		"experiment": "epochs train-images results work backend devices download",
		"shapes":     "images seed",
		"compile":    network + " backend",
		"serve":      "addr",
	}
	for _, c := range newRoot(io.Discard, io.Discard).Commands() {
		code, out, err := call(c.Name(), "-h")
		require.Zero(t, code, c.Name())
		require.Empty(t, err, c.Name())
		if c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		require.Contains(t, out, "resnet18 "+c.Use+"\n\n"+c.Long+"\n\nFlags:\n")
		var flags []string
		for _, m := range regexp.MustCompile(`(?m)^  -(\S+)`).FindAllStringSubmatch(out, -1) {
			flags = append(flags, m[1])
		}
		require.Equal(t, want[c.Name()], strings.Join(flags, " "), c.Name())
		for line := range strings.Lines(out) {
			require.LessOrEqual(t, utf8.RuneCountInString(line), 131, line)
		}
		delete(want, c.Name())
	}
	require.Empty(t, want)
}

// The shell completes commands, flags, their values and runs.
func TestCompletion(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(work, "runs", "mine"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(work, "runs", "mine", "best.safetensors"), nil, 0o644))
	for want, args := range map[string][]string{
		"evaluate\t": {"eva"}, "fish\n": {"completion", ""}, "--lr\tlearning rate\n": {"train", "--l"}, "--label-smoothing\t": {"train", "--la"}, "\n-label-smoothing\t": {"train", "-l"}, "nesterov\n": {"train", "-optimizer", "ne"},
		"mine\n": {"predict", "-work", work, "-run", ""}, "modern-muon\n": {"experiment", "modern-m"},
		"34\n": {"summary", "-depth", "3"}, "gz\ntgz\n:8\n": {"evaluate", "-data", ""},
	} {
		code, out, err := call(append([]string{"__complete"}, args...)...)
		require.Zero(t, code, err)
		require.Contains(t, out, want, args)
	}
}

// The data may be given as an archive, which data unpacks, or as the folder that it unpacks to.
func TestData(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks all of CIFAR-10")
	}
	work := t.TempDir()
	code, out, err := call("data", "-work", work, "-train-images", "10")
	require.Zero(t, code, err)
	folder := filepath.Join(work, "data", cifar.Python.Folder())
	if given := os.Getenv(cifar.PathVariable); given == "" {
		require.Contains(t, out, "embedded JPEG copy")
	}
	require.Contains(t, out, "cifar-10-batches-py/data_batch_5\n")
	require.Contains(t, out, "train: 10 images")
	require.Contains(t, out, "  truck  ")

	t.Setenv(cifar.PathVariable, folder)
	code, out, err = call("data", "-work", work, "-train-images", "10")
	require.Zero(t, code, err)
	require.Contains(t, out, "cifar-10-batches-py/data_batch_1\nin "+folder+"\n") // the last in the archive's order
	require.Contains(t, out, "test: 10 images")
}
