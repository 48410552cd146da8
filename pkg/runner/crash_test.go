package runner

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
)

// The crash test starts this test program as a training run, and kills it.
const (
	envCrashDir     = "RUNNER_TEST_CRASH_DIR"
	envCrashBackend = "RUNNER_TEST_CRASH_BACKEND"
	envCrashes      = "CRASH_TESTS" // number of kills on each backend; 5 if not set
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envCrashDir); dir != "" {
		if err := crashRun(dir, os.Getenv(envCrashBackend)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const crashSteps = 200

// crashConfig is the configuration of a run that saves after each step and so spends most of its time writing, or of one that
// saves now and then.
func crashConfig(saveEvery time.Duration) Config {
	c := toyConfig
	c.Epochs, c.EvalSteps, c.SaveEvery = crashSteps/5, 7, saveEvery
	return c
}

func crashRun(dir, config string) error {
	b, err := backend.New(config, io.Discard)
	if err != nil {
		return err
	}
	saveEvery := time.Nanosecond + 10*time.Millisecond*time.Duration(rand.IntN(2))
	r, err := New(b, toy{dropout: 0.1}, dir, crashConfig(saveEvery))
	if err != nil {
		return err
	}
	return r.Train(context.Background(), toyTrain(), toyDev())
}

// A run that is killed at any moment, also while it writes a checkpoint, and then resumed ends bit for bit like an uninterrupted
// one.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 5
	if n, err := strconv.Atoi(os.Getenv(envCrashes)); err == nil {
		kills = n
	}
	onBackends(t, func(t *testing.T, b compute.Backend) {
		config := "go"
		if !backend.IsPureGo(b) {
			config = "xla:cpu"
		}
		r, _ := newToy(t, b, toy{dropout: 0.1}, t.TempDir(), crashConfig(time.Hour))
		require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()))
		want := lastCheckpoint(t, r)
		best, err := os.ReadFile(r.BestPath())
		require.NoError(t, err)

		rng := rand.New(rand.NewPCG(1, 2))
		for done, writing := 0, 0; done < kills; {
			dir := t.TempDir()
			for killed := true; killed; {
				var while bool
				killed, while = runAndKill(t, rng, dir, config, done < kills)
				if killed {
					done++
				}
				if while {
					writing++
				}
			}
			r, _ := newToy(t, b, toy{dropout: 0.1}, dir, crashConfig(time.Hour))
			require.NoError(t, r.Train(context.Background(), toyTrain(), toyDev()), "it is complete and only shows its log")
			requireSame(t, want, lastCheckpoint(t, r))
			got, err := os.ReadFile(r.BestPath())
			require.NoError(t, err)
			require.Equal(t, best, got)
			requireClean(t, dir)
			t.Logf("%s: %d kills, %d of them left a file half written; the run ended like an uninterrupted one", config, done, writing)
		}
	})
}

// runAndKill starts a run in a folder and kills it: after a random time, or as soon as it is seen writing. It reports whether the
// run was killed before its end, and whether it left a file half written.
func runAndKill(t *testing.T, rng *rand.Rand, dir, config string, kill bool) (killed, writing bool) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), envCrashDir+"="+dir, envCrashBackend+"="+config)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	lines.Scan() // it runs
	ended := make(chan error, 1)
	go func() {
		io.Copy(io.Discard, out)
		ended <- cmd.Wait()
	}()
	if kill {
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond)
		for wait := rng.IntN(2) == 0; wait && len(ended) == 0; {
			wait = len(unfinished(dir)) == 0
		}
		cmd.Process.Kill() // SIGKILL
	}
	if err = <-ended; err == nil {
		return false, false // it was faster
	}
	require.Equal(t, -1, err.(*exec.ExitError).ExitCode(), "killed, not ended by an error of its own")
	return true, len(unfinished(dir)) > 0
}

// unfinished lists the files that a run is writing, or has left half written.
func unfinished(dir string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, ".*-*"))
	return found
}
