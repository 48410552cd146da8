package runner

import (
	"fmt"
	"math"
	"path"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// lookaheadScope is where the store keeps the slow copy of each trainable variable.
const lookaheadScope = "Lookahead"

// lookahead makes the graph that draws the weights θ towards their slow copy φ (Zhang et al. 2019, arXiv:1907.08610), as
// airbench94 does it. After s of S steps, where s is 1 or a multiple of Recipe.Lookahead, with d = 0.95⁵·(s/S)³,
//
//	φ ← d·φ + (1-d)·θ        after step 1 with d = 0
//	θ ← φ
//
// so that early in a training nothing happens, and late the weights are an average over many steps.
func lookahead(b compute.Backend, store *model.Store) (*model.Exec, error) {
	return model.NewExec(b, store, func(scope *model.Scope, d *graph.Node) *graph.Node {
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
		return d // an Exec wants a result
	})
}

// lookAhead does that if it is due. Like the learning rate, all follows from the step. Since the copies are made after the
// first step, every checkpoint has them.
func (t *training) lookAhead() error {
	every := t.Config.Recipe.Lookahead
	if every == 0 || t.step != 1 && t.step%every != 0 {
		return nil
	}
	d := 0.0
	if t.step > 1 {
		d = math.Pow(0.95, 5) * math.Pow(float64(t.step)/float64(t.total), 3)
	}
	out, err := t.look.Call1(float32(d))
	if err != nil {
		return fmt.Errorf("runner: lookahead after step %d: %w", t.step-1, err)
	}
	return out.FinalizeAll()
}
