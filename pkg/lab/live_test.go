package lab

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"nndl.example/resnet18/pkg/backend"
	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/cifar"
	"nndl.example/resnet18/pkg/runner"
)

// falling is a history of n steps with an evaluation after every tenth of total.
func falling(n, total int) runner.History {
	h := runner.History{Seconds: 61}
	for i := range n {
		h.Steps = append(h.Steps, runner.Step{
			Loss: float32(7*math.Exp(-5*float64(i)/float64(total)) + 0.3*math.Sin(float64(i*i))*0.5), Accuracy: float32(i) / float32(total), LearningRate: 0.001,
		})
		if (i+1)%(total/10) == 0 {
			h.Evals = append(h.Evals, runner.Eval{Step: i, Score: 0.7 * float64(i) / float64(total), Loss: 1})
			h.Best = h.Evals[len(h.Evals)-1].Score
		}
	}
	return h
}

// A full training of the chapter stays a small figure.
func TestLiveCurvesSize(t *testing.T) {
	t.Parallel()
	h := falling(18750, 18750)
	fig, err := liveCurves(&h, 18750)
	require.NoError(t, err)
	require.Less(t, base64.StdEncoding.EncodedLen(len(fig.SVG())), 50_000)
}

// The horizontal axes reach to the last step of the training from the start.
func TestLiveCurvesOfAStart(t *testing.T) {
	t.Parallel()
	h := falling(1, 20000)
	fig, err := liveCurves(&h, 20000)
	require.NoError(t, err)
	svg := string(fig.SVG())
	require.Equal(t, 3, strings.Count(svg, ">20,000<"), "loss, accuracy and learning rate")
	require.Contains(t, fig.Alt, "Learning rate, against training step: from 0.001")
}

func BenchmarkLiveCurves(b *testing.B) {
	h := falling(18750, 18750)
	for b.Loop() {
		fig, err := liveCurves(&h, 18750)
		if err != nil {
			b.Fatal(err)
		}
		fig.SVG()
	}
}

func TestPlot(t *testing.T) {
	t.Parallel()
	r := &runner.Runner{History: falling(600, 1000)}
	for width, panels := range map[int]int{120: 3, 80: 3, 60: 2, 40: 1, 10: 1} {
		text := plot(r, width)
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		require.Equal(t, panels, strings.Count(lines[4], "┤"), "%d columns:\n%s", width, text)
		for _, line := range lines {
			require.LessOrEqual(t, utf8.RuneCountInString(line), max(width, minColumns+panelMargin), "%d columns:\n%s", width, text)
		}
		require.LessOrEqual(t, len(lines), plotHeight+3)
	}
	r.History.Evals = nil
	require.Contains(t, plot(r, 80), "(no evaluation yet)")
}

// Columns stand for all steps of the training: those to come are empty.
func TestPanels(t *testing.T) {
	t.Parallel()
	h := runner.History{Steps: []runner.Step{{Loss: 4}, {Loss: 2}, {Loss: 1}}, Evals: []runner.Eval{{Step: 1, Score: 0.5}}}
	ps := panelsOf(&h, 8, 4)
	require.Equal(t, "[3 1 NaN NaN]", fmt.Sprint(ps[0].y))
	require.Equal(t, "[0.5 0.5 NaN NaN]", fmt.Sprint(ps[1].y))
	ps = panelsOf(&h, 3, 6)
	require.Equal(t, []float64{4, 4, 2, 2, 1, 1}, ps[0].y, "more columns than steps")
}

// A terminal's plot is erased before it is drawn again and before a log line.
func TestTerminalView(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	r := &runner.Runner{History: falling(600, 1000), Out: out}
	v := &terminalView{runner: r, width: func() int { return 80 }}
	v.Clear()
	require.Empty(t, out.String())
	v.Show("step 600/1000")
	lines := strings.Count(out.String(), "\n")
	require.True(t, strings.HasSuffix(out.String(), "\nstep 600/1000\n"))
	out.Reset()
	v.Clear()
	require.Equal(t, fmt.Sprintf("\x1b[%dA\r\x1b[J", lines), out.String())
	out.Reset()
	v.Finish()
	require.NotContains(t, out.String(), "\x1b[")
	require.Contains(t, out.String(), "best dev accuracy 0.4193, 1m1s of training\n")
}

// In a log file the curves come once, after the log, also when a stopped training resumes.
func TestLiveInALogFile(t *testing.T) {
	t.Setenv("GONB_PIPE", "")
	b, err := backend.New(backend.PureGo, nil)
	require.NoError(t, err)
	t.Cleanup(b.Finalize)
	dir := t.TempDir()
	file, err := os.Create(dir + "/log")
	require.NoError(t, err)
	defer file.Close()
	data := &cifar.Dataset{Split: cifar.Train, Pixels: make([]uint8, 20*cifar.ImageSize), Labels: make([]uint16, 20), Origin: "blank"}
	train := func(out io.Writer, stopAt int) {
		r, err := runner.New(b, biases{map[int]bool{}}, dir, runner.Config{Epochs: 2, BatchSize: 5})
		require.NoError(t, err)
		defer r.Finalize()
		r.Out = out
		Live(r)
		r.OnStep(func(step int, _ runner.Step) error {
			if step == stopAt {
				return runner.ErrStopped
			}
			return nil
		})
		_, err = TrainOn(r, data, data)
		require.NoError(t, err)
	}
	train(io.Discard, 4)
	train(file, -1)
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`(?s)Training done!\nloss +accuracy on dev +learning rate\n.*step 8/8, loss \d\.\d+, best dev accuracy \d`), string(text))
	require.Equal(t, 1, strings.Count(string(text), "accuracy on dev"))

}

// What cannot be drawn does not end the training: the cell says why.
func TestCellView(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	r := &runner.Runner{History: falling(30, 100), Out: out}
	v := &cellView{runner: r, live: chart.NewLive()}
	require.Equal(t, time.Second, v.Interval())
	v.Show("step 30/100")
	require.Positive(t, v.took)
	v.took = 10 * time.Millisecond
	require.Equal(t, 2*time.Second, v.Interval(), "what draws slowly draws rarely")
	v.Finish()
	require.Empty(t, out.String())
	r.History.Steps[3].LearningRate = float32(math.NaN())
	v.Show("step 30/100")
	require.Empty(t, out.String())
	v.Finish()
	require.Contains(t, out.String(), "(no curves: chart: ")
	out.Reset()
	r.History = runner.History{}
	v.Finish()
	require.Empty(t, out.String(), "nothing has been trained")
}
