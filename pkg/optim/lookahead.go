package optim

import (
	"fmt"
	"math"
	"path"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// lookaheadScope is the store's scope for the slow copy of each trainable variable.
const lookaheadScope = "Lookahead"

// Lookahead moves the weights θ to a slow average φ of themselves every few steps (Zhang et al. 2019, arXiv:1907.08610), with the
// schedule of airbench94; bench/parity/modern.py lists the differences. After s of S steps, where s is 1 or a multiple of the
// interval, with d = 0.95⁵·(s/S)³,
//
//	φ ← d·φ + (1-d)·θ        after step 1 with d = 0
//	θ ← φ
//
// so early in a training nothing happens, and late in it the weights are an average over many steps.
type Lookahead struct{ exec *model.Exec }

// NewLookahead returns the lookahead of the store's trainable variables. The first AfterStep that averages creates the slow
// copies.
func NewLookahead(b compute.Backend, store *model.Store) (*Lookahead, error) {
	exec, err := model.NewExec(b, store, func(scope *model.Scope, d *graph.Node) *graph.Node {
		g := d.Graph()
		var weights []*model.Variable
		for v := range scope.IterVariables() {
			if v.Trainable {
				weights = append(weights, v)
			}
		}
		for _, v := range weights {
			copies := store.Scope(path.Join("/", lookaheadScope, v.Scope())).WithInitializer(initializer.Zero)
			slow := copies.VariableWithShape(v.Name(), v.Shape()).SetTrainable(false)
			mean := graph.Add(graph.Mul(d, slow.NodeValue(g)), graph.Mul(graph.OneMinus(d), v.NodeValue(g)))
			slow.SetNodeValue(mean)
			v.SetNodeValue(mean)
		}
		return d // an Exec needs a result
	})
	if err != nil {
		return nil, fmt.Errorf("optim: lookahead: %w", err)
	}
	return &Lookahead{exec}, nil
}

// AfterStep updates the averages if step, the number of steps done out of total, is 1 or a multiple of every; with every =
// 0 it does nothing. The update depends on the step only, and the copies exist from the first step on, so a resumed run
// does the same.
func (l *Lookahead) AfterStep(step, every, total int) error {
	if every == 0 || step != 1 && step%every != 0 {
		return nil
	}
	d := 0.0
	if step > 1 {
		d = math.Pow(0.95, 5) * math.Pow(float64(step)/float64(total), 3)
	}
	return l.average(d)
}

func (l *Lookahead) average(d float64) error {
	out, err := l.exec.Call1(float32(d))
	if err != nil {
		return fmt.Errorf("optim: lookahead: %w", err)
	}
	return out.FinalizeAll()
}

// Finalize frees the compiled program.
func (l *Lookahead) Finalize() { l.exec.Finalize() }
