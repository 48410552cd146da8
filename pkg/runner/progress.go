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

// progress shows how far a run is: in a terminal or a notebook one line that is overwritten, in a log file a line a minute. In a
// notebook each update is a message to the browser, so there are at most two a second.
type progress struct {
	out      io.Writer
	live     bool
	interval time.Duration // between two lines
	now      func() time.Time
	last     time.Time // of the last line
	width    int       // of the line on the screen
	steps    int       // of this session
	perStep  float64   // average seconds of the recent steps
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out, live: isLive(out), interval: time.Minute, now: time.Now, last: time.Now()}
	if p.live {
		p.interval = 500 * time.Millisecond
	}
	return p
}

// isLive reports whether "\r" overwrites a line on out. GoNB sets GONB_PIPE for the cells of a notebook.
func isLive(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && (term.IsTerminal(int(f.Fd())) || os.Getenv("GONB_PIPE") != "")
}

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
	p.show(line)
}

// evaluating reports an evaluation that began at the given time.
func (p *progress) evaluating(done, total int, since time.Time) {
	if p.now().Sub(since) >= slowEvaluation && p.due() {
		p.show(fmt.Sprintf("evaluating: image %d/%d", done, total))
	}
}

// due reports whether it is time for another line.
func (p *progress) due() bool {
	now := p.now()
	if now.Sub(p.last) < p.interval {
		return false
	}
	p.last = now
	return true
}

func (p *progress) show(line string) {
	if !p.live {
		fmt.Fprintln(p.out, line)
		return
	}
	fmt.Fprintf(p.out, "\r%-*s", p.width, line) // the spaces erase a longer line from before
	p.width = len(line)
}

// clear erases the line, so that other text can be printed.
func (p *progress) clear() {
	if p.width > 0 {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
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
