package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/cifar"
)

// Flags may stand before and behind the argument.
func TestFlagsBehind(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"predict", "2", "-model", "vgg"}, {"predict", "-model", "vgg", "2"}, {"predict", "-backend", "go", "2", "-model=vgg"},
	} {
		code, _, err := call(args...)
		require.Equal(t, 2, code, args)
		require.Contains(t, err, `-model is "vgg"`, args)
	}
	code, _, err := call("predict", "2", "-model", "custom", "3")
	require.Equal(t, 2, code)
	require.Contains(t, err, `2 arguments, want "INDEX|FILE"`)
}

// Every command says in its help what it does.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, c := range commands {
		code, out, err := call(c.name, "-h")
		require.Zero(t, code, c.name)
		require.Empty(t, err, c.name)
		require.Contains(t, out, c.about, c.name)
		require.Contains(t, out, "-model name", c.name)
	}
}

// The data may be given as an archive, which data unpacks, or as the folder that it unpacks to.
func TestData(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks all of CIFAR-10")
	}
	work := t.TempDir()
	code, out, err := call("data", "-work", work, "-backend", "go", "-train-images", "10")
	require.Zero(t, code, err)
	folder := filepath.Join(work, "data", cifar.Python.Folder())
	if given := os.Getenv(cifar.PathVariable); given == "" {
		require.Contains(t, out, "embedded JPEG copy")
	}
	require.Contains(t, out, "cifar-10-batches-py/data_batch_5\n")
	require.Contains(t, out, "train: 10 images")
	require.Contains(t, out, "  truck  ")

	t.Setenv(cifar.PathVariable, folder)
	code, out, err = call("data", "-work", work, "-backend", "go", "-train-images", "10")
	require.Zero(t, code, err)
	require.Contains(t, out, "cifar-10-batches-py/data_batch_1\nin "+folder+"\n") // the last in the archive's order
	require.Contains(t, out, "test: 10 images")
}
