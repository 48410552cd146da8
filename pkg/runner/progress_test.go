package runner

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clocked is a display's progress on a clock that the test moves.
func clocked(d Display) (*progress, func(time.Duration)) {
	now := time.Unix(0, 0)
	p := newProgress(d)
	p.now, p.last = func() time.Time { return now }, now
	return p, func(d time.Duration) { now = now.Add(d) }
}

// A log file gets a line a minute. The first step, which compiles the graph, does not count for the rate.
func TestProgressInALogFile(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	p, pass := clocked(logLines{out})
	pass(30 * time.Second)
	p.step(1, 10000, 7, 30*time.Second)
	for step := 2; step <= 601; step++ { // two minutes
		pass(200 * time.Millisecond)
		p.step(step, 10000, 1.23456, 200*time.Millisecond)
	}
	p.Clear()
	require.Equal(t, "step 151/10000 (1%), loss 1.2346, 200 ms a step, 32 min left\n"+
		"step 451/10000 (4%), loss 1.2346, 200 ms a step, 31 min left\n", out.String())
}

// The rate follows the recent steps.
func TestProgressRate(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	p, pass := clocked(logLines{out})
	for step := 1; step <= 700; step++ {
		took := 100 * time.Millisecond
		if step > 100 {
			took = 50 * time.Millisecond
		}
		p.step(step, 1000, 1, took)
	}
	pass(time.Minute)
	p.step(701, 1000, 1, 50*time.Millisecond)
	require.Contains(t, out.String(), ", 50 ms a step, 14 s left\n")

	out.Reset()
	p, pass = clocked(logLines{out})
	pass(time.Minute)
	p.step(1, 1000, 2.5, time.Minute)
	require.Equal(t, "step 1/1000 (0%), loss 2.5000\n", out.String(), "no rate yet")
}

// A terminal and a notebook see one line, rewritten at most twice a second. What remains when the run is over
// is the log alone: a notebook saves what follows the last "\r" of each line.
func TestProgressLive(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	p, pass := clocked(&liveLine{out: out})
	for step := 1; step <= 100; step++ {
		pass(100 * time.Millisecond)
		p.step(step, 100, 12345/float64(step*step*step*step), 100*time.Millisecond)
		if step == 50 {
			p.Clear()
			out.WriteString("[Train] a line\n")
		}
	}
	require.Equal(t, 20, strings.Count(out.String(), "\rstep "), "ten seconds at two a second")
	require.Contains(t, out.String(), "\rstep 95/100 (95%), loss 0.0002, 100 ms a step, 0 s left")
	p.Clear()
	p.Clear()
	out.WriteString("[Train] the end\n")
	require.Equal(t, "[Train] a line\n[Train] the end\n", regexp.MustCompile(`.*\r`).ReplaceAllString(out.String(), ""))

	longest, screen := 0, "" // in a terminal nothing of a longer line remains
	for _, line := range strings.Split(strings.SplitN(out.String(), "\n", 2)[0], "\r") {
		longest = max(longest, len(line))
		screen = line + screen[min(len(line), len(screen)):]
	}
	require.Equal(t, "[Train] a line", strings.TrimRight(screen, " "))
	require.Less(t, longest, 80)
}

func TestProgressOfAnEvaluation(t *testing.T) {
	t.Parallel()
	out := &bytes.Buffer{}
	p, pass := clocked(&liveLine{out: out})
	began := p.now()
	for image := 0; image < 10000; image += 250 { // eight seconds
		p.evaluating(image, 10000, began)
		pass(200 * time.Millisecond)
	}
	p.Clear()
	require.True(t, strings.HasPrefix(out.String(), "\revaluating: image 2500/10000\revaluating: image 3250/10000\r"), "%q", out)
	require.Equal(t, 10, strings.Count(out.String(), "evaluating"))

	out.Reset()
	p, pass = clocked(&liveLine{out: out})
	p.evaluating(0, 500, p.now())
	pass(time.Second)
	p.evaluating(250, 500, p.now().Add(-time.Second))
	p.Clear()
	require.Empty(t, out.String(), "a short one shows nothing")
}

func TestIsLive(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	defer file.Close()
	t.Setenv("GONB_PIPE", "")
	require.IsType(t, logLines{}, NewDisplay(file))
	t.Setenv("GONB_PIPE", "/tmp/pipe")
	require.IsType(t, &liveLine{}, NewDisplay(os.Stdout))
	require.IsType(t, logLines{}, NewDisplay(file))
	require.IsType(t, logLines{}, NewDisplay(&bytes.Buffer{}))
}

// recorder is a display that notes what it is told.
type recorder struct {
	cleared, finished int
	steps             []int // done at each Show
	runner            *Runner
}

func (*recorder) Interval() time.Duration { return 0 }
func (d *recorder) Show(string)           { d.steps = append(d.steps, len(d.runner.History.Steps)) }
func (d *recorder) Clear()                { d.cleared++ }
func (d *recorder) Finish()               { d.finished++ }

// A runner's own display sees each step in the history; a run that is stopped or complete finishes it too.
func TestDisplay(t *testing.T) {
	t.Parallel()
	b, dir := goBackend(t), t.TempDir()
	train := func(stopAt int) *recorder {
		r, out := newToy(t, b, toy{}, dir, toyConfig)
		require.Zero(t, r.TotalSteps())
		d := &recorder{runner: r}
		r.Display = d
		r.OnStep(func(step int, _ Step) error {
			if step == stopAt {
				return ErrStopped
			}
			return nil
		})
		err := r.Train(context.Background(), toyTrain(), toyDev())
		require.Equal(t, stopAt >= 0, errors.Is(err, ErrStopped), err)
		require.NotContains(t, out.String(), "%)", "progress goes to the display")
		require.Equal(t, 1, d.finished)
		require.Positive(t, d.cleared)
		require.Equal(t, 15, r.TotalSteps())
		return d
	}
	first, second, third := train(3), train(-1), train(-1)
	require.Equal(t, []int{1, 2, 3, 4}, first.steps)
	require.Equal(t, 5, second.steps[0])
	require.Empty(t, third.steps, "the run was complete")
}

func TestRounded(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 59*time.Second + 999*time.Millisecond: "59 s", 60 * time.Second: "1 min", 3599 * time.Second: "59 min",
		time.Hour: "1 h 0 min", 25*time.Hour + 61*time.Minute: "26 h 1 min",
	} {
		require.Equal(t, want, rounded(d))
	}
}
