package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFromAnotherModule builds the program in an empty module, with the commands of README.md. As the project's modules are in
// Go's cache, it needs no network.
func TestFromAnotherModule(t *testing.T) {
	project, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	copyFile(t, "main.go", filepath.Join(dir, "main.go"))
	copyFile(t, filepath.Join(project, "go.sum"), filepath.Join(dir, "go.sum"))
	for _, args := range [][]string{
		{"mod", "init", "example.com/mine"},
		{"mod", "edit", "-require", "nndl.example/resnet18@v0.0.0", "-replace", "nndl.example/resnet18=" + project},
		{"build", "-mod=mod", "-o", "mine", "."},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "go %v: %s", args, out)
	}
	require.FileExists(t, filepath.Join(dir, "mine"))
}

func TestRun(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go") // no compiler to wait for
	dir := t.TempDir()
	require.NoError(t, run(context.Background(), dir, 1, 64))
	require.FileExists(t, filepath.Join(dir, "run", "best.safetensors"))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o600))
}
