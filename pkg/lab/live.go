package lab

import (
	"fmt"
	"os"
	"time"

	"github.com/janpfeifer/gonb/gonbui"
	"golang.org/x/term"

	"nndl.example/resnet18/pkg/chart"
	"nndl.example/resnet18/pkg/runner"
)

// Live makes a training visible while it runs: loss, accuracy and learning rate are curves that grow in the notebook's cell or
// in the terminal, with the progress and the time left below. The last state remains. In a log file the curves are drawn once, at the end.
// Call it before Train. A training that resumes shows its curves from the first step on.
func Live(r *runner.Runner) {
	f, _ := r.Out.(*os.File)
	switch {
	case gonbui.IsNotebook && f == os.Stdout:
		r.Display = &cellView{runner: r, live: chart.NewLive()}
	case f != nil && term.IsTerminal(int(f.Fd())):
		r.Display = &terminalView{runner: r, width: func() int { return terminalWidth(f) }}
	default:
		r.Display = plotAtEnd{runner.NewDisplay(r.Out), r}
	}
}

// cellView draws the curves in a notebook's cell.
type cellView struct {
	runner *runner.Runner
	live   *chart.Live
	took   time.Duration // to draw the last time
}

// Interval is long enough that drawing takes at most a two-hundredth of the time.
func (v *cellView) Interval() time.Duration { return max(time.Second, 200*v.took) }

func (v *cellView) Show(line string) {
	start := time.Now()
	defer func() { v.took = time.Since(start) }()
	if fig, err := liveCurves(&v.runner.History, v.runner.TotalSteps()); err == nil { // Finish reports an error
		v.live.Update(line, fig)
	}
}

func (*cellView) Clear() {}

func (v *cellView) Finish() {
	h := &v.runner.History
	if len(h.Steps) == 0 {
		return
	}
	fig, err := liveCurves(h, v.runner.TotalSteps())
	if err == nil {
		err = v.live.Finish(summary(v.runner), fig)
	}
	if err != nil {
		fmt.Fprintf(v.runner.Out, "(no curves: %v)\n", err)
	}
}

// summary is the line below the curves of a training that has ended or was stopped.
func summary(r *runner.Runner) string {
	h := &r.History
	n := len(h.Steps)
	text := fmt.Sprintf("step %d/%d, loss %.4f", n, r.TotalSteps(), h.Steps[n-1].Loss)
	if len(h.Evals) > 0 {
		text += fmt.Sprintf(", best dev accuracy %.4f", h.Best)
	}
	return text + fmt.Sprintf(", %s of training", time.Duration(h.Seconds*float64(time.Second)).Round(time.Second))
}

// liveCurves draws the curves of a training that is still running. As the accuracy on the training set they show the mean of every
// few batches, which needs no evaluation.
func liveCurves(h *runner.History, total int) (*chart.Figure, error) {
	t := curves(h)
	t.Steps, t.Width, t.Height = total, 260, 240   // three fit side by side in JupyterLab
	block := min(max(10, total/100), len(h.Steps)) // batches
	for to := block; to <= len(h.Steps); to += block {
		from := to - block
		t.TrainScoreSteps = append(t.TrainScoreSteps, to-1)
		t.TrainScore = append(t.TrainScore, MeanAccuracy(h.Steps[from:to]))
	}
	for _, s := range h.Steps {
		t.LearningRate = append(t.LearningRate, float64(s.LearningRate))
	}
	return chart.TrainingCurves(t)
}
