package exercises

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/inspect"
	"nndl.example/resnet18/pkg/nn"
	"nndl.example/resnet18/pkg/pretrained"
	"nndl.example/resnet18/pkg/resnet"
	"nndl.example/resnet18/pkg/runner"
)

var _ runner.Model = Net{}

// noise is a trial on images of noise: enough of them for the batch statistics of 1×1 maps.
func noise(t *testing.T) Trial {
	const n = 12
	rng := rand.New(rand.NewPCG(1, 2))
	pixels, labels := make([]uint8, n*32*32*3), make([]int32, n)
	for i := range pixels {
		pixels[i] = uint8(rng.Uint32())
	}
	for i := range labels {
		labels[i] = rng.Int32N(10)
	}
	return Trial{backend(t), tensors.FromFlatDataAndDimensions(pixels, n, 32, 32, 3), tensors.FromFlatDataAndDimensions(labels, n, 1), false}
}

// libraryValues are fresh weights with running statistics that differ from 0 and 1, as after training.
func libraryValues(t *testing.T, trial Trial) map[string][]float32 {
	n, err := inspect.New(trial.Backend, resnet.Library(), 100)
	require.NoError(t, err)
	values, rng := valuesOf(n), rand.New(rand.NewPCG(3, 4))
	for _, p := range n.Params() {
		if !p.IsConvKernel() && !strings.HasPrefix(p.Name, "fc.") {
			for i := range values[p.Name] {
				values[p.Name][i] += 0.5 * rng.Float32()
			}
		}
	}
	return values
}

func TestHandBuiltNames(t *testing.T) {
	t.Parallel()
	for _, c := range []resnet.Config{resnet.Library(), resnet.Custom(3, 10, true), resnet.Custom(3, 10, false)} {
		n := HandBuilt()
		n.NumClasses, n.UseResidual = c.NumClasses, !c.Plain
		ours, theirs := n.Params(), c.Params()
		require.Len(t, ours, len(theirs))
		for i, p := range theirs {
			require.Equal(t, p, nn.Param{Name: libraryNames.Replace(ours[i].Name), Dims: ours[i].Dims, Trainable: ours[i].Trainable})
		}
	}
}

// TestHandBuilt: with equal weights the hand-built network and the package's have equal logits and gradients, and each planted
// mistake shows, some of them in one mode only. Two of them pass the book's check.
func TestHandBuilt(t *testing.T) {
	t.Parallel()
	trial := noise(t)
	values := libraryValues(t, trial)
	found, book := map[string]bool{}, map[string]bool{}
	for _, trial.Training = range []bool{false, true} {
		libStore, store := filled(resnet.Library(), values), filled(likeLibrary(), values)
		lib, ours := trial.Run(resnet.Library(), libStore), trial.Run(likeLibrary(), store)
		logits, gradients := compared(lib, ours)
		t.Logf("training %v: logits %.1e, gradients %.1e", trial.Training, logits, gradients)
		require.Less(t, logits, 1e-4)
		require.Less(t, gradients, 1e-4)
		statistics, err := StatisticsDifference(resnet.Library(), libStore, likeLibrary(), store)
		require.NoError(t, err)
		require.Less(t, statistics, 1e-4)
		if trial.Training { // a network whose step leaves the running statistics as they were
			statistics, err := StatisticsDifference(resnet.Library(), libStore, likeLibrary(), filled(likeLibrary(), values))
			require.NoError(t, err)
			require.Greater(t, statistics, 1e-3)
		}
		for _, m := range mistakes(values) {
			m.Net.Conv = nn.Conv2D // faster
			ours := trial.Run(m.Net, filled(m.Net, m.Values))
			logits, gradients := compared(lib, ours)
			t.Logf("training %v, %s: logits %.1e, gradients %.1e", trial.Training, m.What, logits, gradients)
			found[m.What] = found[m.What] || max(logits, gradients) > 1e-3
			if last := len(lib) - 1; trial.Training {
				book[m.What] = signed(lib[last], ours[last]) > 1e-3
			}
		}
	}
	require.Len(t, found, 6)
	for what, ok := range found {
		require.True(t, ok, what)
		require.Equal(t, what != "a running variance" && what != "the head's bias", book[what], what)
	}
}

// TestHandBuiltCells: each cell of notebook 06 whose id begins with "net-" or "compare-" is in this package, line by line.
func TestHandBuiltCells(t *testing.T) {
	t.Parallel()
	code := ""
	for _, path := range []string{"handbuilt.go", "handbuilt_compare.go"} {
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		code += strings.ReplaceAll(string(file), "\t", "    ")
	}
	file, err := os.ReadFile("../../notebooks/06-custom-resnet.ipynb")
	require.NoError(t, err)
	var notebook struct {
		Cells []struct {
			ID     string
			Source []string
		}
	}
	require.NoError(t, json.Unmarshal(file, &notebook))
	cells := ""
	for _, c := range notebook.Cells {
		if !strings.HasPrefix(c.ID, "net-") && !strings.HasPrefix(c.ID, "compare-") || strings.HasSuffix(c.ID, "-why") {
			continue
		}
		source, _, _ := strings.Cut(strings.Join(c.Source, ""), "\n%%")
		if !strings.Contains(code, strings.TrimSpace(source)) {
			t.Errorf("cell %s differs from pkg/exercises/handbuilt*.go:\n%s", c.ID, source)
		}
		cells += source + "\n"
	}
	for line := range strings.Lines(code) {
		if strings.HasPrefix(line, "func ") {
			require.Contains(t, cells, line)
		}
	}
}

// TestSigned: the book's check takes the largest difference with its sign, so it does not see values that are too small.
func TestSigned(t *testing.T) {
	t.Parallel()
	lib, ours := tensors.FromValue([]float32{1, 2}), tensors.FromValue([]float32{5, 2.5})
	require.InDelta(t, -0.5, signed(ours, lib), 1e-6)
	require.InDelta(t, 4, signed(lib, ours), 1e-6)
}

// The weights of the package's network, in the compact form, fit the network that the notebook builds, and the other way round.
func TestHandBuiltCompact(t *testing.T) {
	t.Parallel()
	b := backend(t)
	theirs, err := runner.New(b, resnet.Custom(3, 10, true), t.TempDir(), runner.Config{})
	require.NoError(t, err)
	t.Cleanup(theirs.Finalize)
	ours, err := runner.New(b, HandBuilt(), t.TempDir(), runner.Config{Seed: 5})
	require.NoError(t, err)
	t.Cleanup(ours.Finalize)
	var file, back bytes.Buffer
	require.NoError(t, theirs.WriteCompact(&file, pretrained.Info{DType: "F32"}))
	_, err = ours.LoadCompact(file.Bytes(), "the package's")
	require.NoError(t, err)
	images := bytes.Repeat([]byte{0, 50, 200}, 1024)
	want, err := theirs.Predict(images)
	require.NoError(t, err)
	got, err := ours.Predict(images)
	require.NoError(t, err)
	require.InDeltaSlice(t, want[0], got[0], 1e-4)

	require.NoError(t, ours.WriteCompact(&back, pretrained.Info{DType: "F32"}))
	_, err = theirs.LoadCompact(back.Bytes(), "the notebook's")
	require.NoError(t, err)
}
