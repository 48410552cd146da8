package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAlone builds the command as "make release" does, in pure Go, and lets it predict in a folder that it cannot leave and that
// holds the program, the data and a model, but no C library and no XLA. Only root may lock a program in; for others the
// file's headers have to do.
func TestAlone(t *testing.T) {
	t.Parallel()
	work := t.TempDir()
	flags := []string{"-backend", "go", "-train-images", "16", "-model", "custom"}
	code, _, stderr := call(append([]string{"train", "-epochs", "1", "-work", work}, flags...)...)
	require.Zero(t, code, stderr)
	code, want, stderr := call(append([]string{"predict", "2", "-work", work}, flags...)...)
	require.Zero(t, code, stderr)

	program := filepath.Join(work, "resnet18")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, ".") // with -trimpath all would be compiled again
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	file, err := elf.Open(program)
	require.NoError(t, err)
	defer file.Close()
	for _, p := range file.Progs {
		require.NotEqual(t, elf.PT_INTERP, p.Type, "it asks for the loader of shared libraries")
	}

	predict := exec.Command(program, append([]string{"predict", "2", "-work", work}, flags...)...)
	if os.Getuid() == 0 {
		predict = exec.Command("/resnet18", append([]string{"predict", "2", "-work", "/"}, flags...)...)
		predict.SysProcAttr = &syscall.SysProcAttr{Chroot: work}
		predict.Dir = "/"
		want = strings.ReplaceAll(want, work, "") // where the data is
	}
	predict.Env = []string{"LANG=C"}
	out, err = predict.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, want, string(out))
}
