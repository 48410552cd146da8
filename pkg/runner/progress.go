package runner

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress shows how far a run is: one line that is rewritten in a terminal or a notebook, a line a
// minute in a log file.
type progress struct {
	out         io.Writer
	live        bool
	first       int // the step at which this session began
	total       int
	start, last time.Time
	width       int // of the line on the screen
}

func newProgress(out io.Writer, step, total int) *progress {
	return &progress{out: out, live: isLive(out), first: step, total: total, start: time.Now(), last: time.Now()}
}

// isLive says whether "\r" rewrites a line on out.
func isLive(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && (term.IsTerminal(int(f.Fd())) || os.Getenv("GONB_PIPE") != "")
}

func (p *progress) update(step int, loss float64) {
	interval := time.Minute
	if p.live {
		interval = 500 * time.Millisecond
	}
	if time.Since(p.last) < interval {
		return
	}
	p.last = time.Now()
	perStep := time.Since(p.start) / time.Duration(step-p.first)
	left := perStep * time.Duration(p.total-step)
	line := fmt.Sprintf("step %d/%d (%d%%), loss %.4f, %.0f ms a step, %s left",
		step, p.total, 100*step/p.total, loss, float64(perStep.Microseconds())/1000, rounded(left))
	if !p.live {
		fmt.Fprintln(p.out, line)
		return
	}
	fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	p.width = len(line)
}

// clear takes the line off the screen, so that other text can be printed.
func (p *progress) clear() {
	if p.width > 0 {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}

// rounded shows a duration as people say it.
func rounded(d time.Duration) string {
	switch {
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
