package runner

import (
	"fmt"
	"time"

	"nndl.example/resnet18/pkg/backend"
)

const doneLine = "[Train] Training done!"

// isComplete reports whether nothing is left to do, not even a last evaluation.
func (t *training) isComplete() bool {
	return t.step > t.total || t.step == t.total && len(t.History.Log) > 0 && t.History.Log[len(t.History.Log)-1] == doneLine
}

// replay prints the log of earlier sessions and the step at which this one begins.
func (t *training) replay() {
	for _, line := range t.History.Log {
		fmt.Fprintln(t.Out, line)
	}
	device := backend.DescribeDevices(t.backend, t.Config.Devices)
	took := time.Duration(t.History.Seconds * float64(time.Second)).Round(time.Second)
	if t.History.Initial != "" {
		t.note("(starting from %s)", t.History.Initial)
	}
	switch {
	case t.step > t.total:
		t.note("(This run has done %d steps, more than the %d of %d epochs. Delete %s to start over.)", t.step, t.total, t.Config.Epochs, t.dir)
	case t.isComplete():
		t.note("(This run is complete: %d steps in %v, %s. Delete %s to start over.)", t.step, took, t.History.Device, t.dir)
	case t.step > 0:
		t.note("(resuming at step %d of %d)", t.step, t.total)
		if t.History.Device != device {
			t.note("(the steps so far were computed by %s, the next ones by %s: they agree up to rounding only)", t.History.Device, device)
		}
	}
	t.noteLostBest()
}

// noteLostBest says so if the best model is lost.
func (t *training) noteLostBest() {
	if t.lostBest == nil {
		return
	}
	after := "the next model that is evaluated takes its place"
	if t.isComplete() {
		after = fmt.Sprintf("delete %s to start over", t.dir)
	}
	t.note("(the best model, with accuracy %.5f, is lost: %v; %s)", t.History.Best, t.lostBest, after)
}

// print prints a line and keeps it for replays.
func (t *training) print(line string) {
	t.note("%s", line)
	t.History.Log = append(t.History.Log, line)
	t.unsaved = true
}

// note prints a line for this session only.
func (t *training) note(format string, args ...any) {
	t.progress.Clear()
	fmt.Fprintf(t.Out, format+"\n", args...)
}
