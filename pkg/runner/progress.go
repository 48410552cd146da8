package runner

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

const (
	// averaged is the number of recent steps over which the rate is averaged.
	averaged = 50
	// slowEvaluation is the time after which an evaluation shows its progress.
	slowEvaluation = 2 * time.Second
)

// Display shows how far a training is, for example as a growing curve. Train calls Show with a line of text while it trains and
// evaluates, Clear before it prints something else, and Finish once, when it returns. All calls come from Train's goroutine, so
// a display may read Runner.History.
type Display interface {
	Interval() time.Duration // the least time between two calls of Show
	Show(line string)
	Clear()
	Finish()
}

// NewDisplay returns the display that a Runner uses by default: in a terminal or a notebook one line that is overwritten, in a
// log file a line a minute. In a notebook each update is a message to the browser, so there are at most two a second.
func NewDisplay(out io.Writer) Display {
	if isLive(out) {
		return &liveLine{out: out}
	}
	return logLines{out}
}

// isLive reports whether "\r" overwrites a line on out. GoNB sets GONB_PIPE for the cells of a notebook, which show stdout and stderr.
func isLive(out io.Writer) bool {
	f, ok := out.(*os.File)
	inCell := os.Getenv("GONB_PIPE") != "" && (f == os.Stdout || f == os.Stderr)
	return ok && (inCell || term.IsTerminal(int(f.Fd())))
}

// liveLine is a line that is overwritten.
type liveLine struct {
	out   io.Writer
	width int // of the line on the screen
}

func (*liveLine) Interval() time.Duration { return 500 * time.Millisecond }

func (l *liveLine) Show(line string) {
	fmt.Fprintf(l.out, "\r%-*s", l.width, line) // the spaces erase a longer line from before
	l.width = len(line)
}

// Clear erases the line.
func (l *liveLine) Clear() {
	if l.width > 0 {
		fmt.Fprintf(l.out, "\r%s\r", strings.Repeat(" ", l.width))
		l.width = 0
	}
}

func (l *liveLine) Finish() { l.Clear() }

// logLines are lines that remain.
type logLines struct{ out io.Writer }

func (logLines) Interval() time.Duration { return time.Minute }
func (l logLines) Show(line string)      { fmt.Fprintln(l.out, line) }
func (logLines) Clear()                  {}
func (logLines) Finish()                 {}

// progress writes the lines of a display when they are due.
type progress struct {
	Display
	now     func() time.Time
	last    time.Time // of the last line
	steps   int       // of this session
	perStep float64   // average seconds of the recent steps
}

func newProgress(d Display) *progress { return &progress{Display: d, now: time.Now, last: time.Now()} }

// step reports a training step. The session's first one compiles the graph and does not count for the rate.
func (p *progress) step(done, total int, loss float64, took time.Duration) {
	if n := min(p.steps, averaged); n > 0 {
		p.perStep += (took.Seconds() - p.perStep) / float64(n)
	}
	p.steps++
	if !p.due() {
		return
	}
	line := fmt.Sprintf("step %d/%d (%d%%), loss %.4f", done, total, 100*done/total, loss)
	if p.perStep > 0 {
		left := time.Duration(p.perStep * float64(total-done) * float64(time.Second))
		line += fmt.Sprintf(", %.0f ms a step, %s left", 1000*p.perStep, rounded(left))
	}
	p.Show(line)
}

// evaluating reports an evaluation that began at the given time.
func (p *progress) evaluating(done, total int, since time.Time) {
	if p.now().Sub(since) >= slowEvaluation && p.due() {
		p.Show(fmt.Sprintf("evaluating: image %d/%d", done, total))
	}
}

// due reports whether it is time for another line.
func (p *progress) due() bool {
	now := p.now()
	if now.Sub(p.last) < p.Interval() {
		return false
	}
	p.last = now
	return true
}

// rounded formats a duration in the largest units that matter.
func rounded(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
