package lab

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guptarohit/asciigraph"
	"golang.org/x/term"

	"nndl.example/resnet18/pkg/runner"
)

// terminalView draws the curves as characters, and draws over them when they change.
type terminalView struct {
	runner *runner.Runner
	width  func() int // of the terminal
	lines  int        // on the screen
}

func (*terminalView) Interval() time.Duration { return time.Second }

func (v *terminalView) Show(line string) {
	width := v.width()
	text := plot(v.runner, width) + clip(line, width) + "\n"
	v.Clear()
	fmt.Fprint(v.runner.Out, text)
	v.lines = strings.Count(text, "\n")
}

// Clear moves the cursor up to the first line of the plot and erases from there to the end of the screen.
func (v *terminalView) Clear() {
	if v.lines > 0 {
		fmt.Fprintf(v.runner.Out, "\x1b[%dA\r\x1b[J", v.lines)
		v.lines = 0
	}
}

func (v *terminalView) Finish() {
	v.Clear()
	printPlot(v.runner, v.width())
}

// plotAtEnd is a runner's display for a log file, with the curves at the end.
type plotAtEnd struct {
	runner.Display
	runner *runner.Runner
}

func (v plotAtEnd) Finish() {
	v.Display.Finish()
	printPlot(v.runner, defaultColumns)
}

func printPlot(r *runner.Runner, width int) {
	if len(r.History.Steps) > 0 {
		fmt.Fprintf(r.Out, "%s%s\n", plot(r, width), clip(summary(r), width))
	}
}

const defaultColumns = 80

func terminalWidth(f *os.File) int {
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return defaultColumns
}

// clip shortens a line to less than a terminal's width, so that it does not wrap.
func clip(line string, width int) string { return line[:min(len(line), max(width-1, 0))] }

const (
	plotHeight  = 8 // lines
	labelWidth  = 7 // columns of the labels of a vertical axis
	panelMargin = labelWidth + 3
	panelGap    = 2
	minColumns  = 14 // of a readable curve
)

// panel is a curve with its title.
type panel struct {
	title string
	y     []float64 // one value for each column; NaN where there is none yet
}

// plot draws loss, accuracy on dev and learning rate side by side, each over the whole training, in lines that end with "\n". A
// narrow terminal gets the first one or two.
func plot(r *runner.Runner, width int) string {
	shown := 3
	for shown > 1 && columns(width, shown) < minColumns {
		shown--
	}
	n := max(columns(width, shown), minColumns)
	panels := panelsOf(&r.History, max(r.TotalSteps(), len(r.History.Steps)), n)[:shown]
	var b strings.Builder
	for _, line := range sideBySide(panels, n+panelMargin) {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// columns returns the columns of each curve if a number of panels share the width.
func columns(width, panels int) int { return (width-(panels-1)*panelGap)/panels - panelMargin }

// panelsOf reduces a history to n columns, which stand for all steps of the training.
func panelsOf(h *runner.History, total, n int) []panel {
	loss, score, rate := make([]float64, n), make([]float64, n), make([]float64, n)
	for c := range n {
		loss[c], score[c], rate[c] = math.NaN(), math.NaN(), math.NaN()
		from, to := c*total/n, max(c*total/n+1, (c+1)*total/n)
		if from >= len(h.Steps) {
			continue
		}
		steps := h.Steps[from:min(to, len(h.Steps))]
		sum := 0.0
		for _, s := range steps {
			sum += float64(s.Loss)
		}
		loss[c], rate[c] = sum/float64(len(steps)), float64(steps[len(steps)-1].LearningRate)
		for _, e := range h.Evals {
			if e.Step < to {
				score[c] = e.Score // until the next evaluation
			}
		}
	}
	return []panel{{"loss", loss}, {"accuracy on dev", score}, {"learning rate", rate}}
}

// lines draws the panel.
func (p panel) lines() []string {
	known := slices.ContainsFunc(p.y, func(v float64) bool { return !math.IsNaN(v) })
	if !known {
		return []string{p.title, "", "(no evaluation yet)"}
	}
	label := func(v float64) string { return fmt.Sprintf("%*.3g", labelWidth, v) }
	drawn := asciigraph.Plot(p.y, asciigraph.Height(plotHeight), asciigraph.LowerBound(0), asciigraph.YAxisValueFormatter(label))
	return append([]string{p.title}, strings.Split(drawn, "\n")...)
}

// sideBySide joins the lines of panels of equal width.
func sideBySide(panels []panel, width int) []string {
	var rows []string
	for i, p := range panels {
		for at, line := range p.lines() {
			for at >= len(rows) {
				rows = append(rows, "")
			}
			indent := i*(width+panelGap) - utf8.RuneCountInString(rows[at])
			rows[at] += strings.Repeat(" ", max(indent, 0)) + line
		}
	}
	return rows
}
