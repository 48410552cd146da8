package runner

import (
	"fmt"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"nndl.example/resnet18/pkg/nn"
)

// freeze excludes all variables but those of the last layer from training: see Recipe.Freeze.
func freeze(store *model.Store, params []nn.Param) error {
	heads := 0
	for _, p := range params {
		if nn.IsHead(p.Name) {
			heads++
			continue
		}
		store.GetVariable(p.Path()).SetTrainable(false)
	}
	if heads == 0 {
		return fmt.Errorf("runner: the network has no last layer \"fc\" that could be trained while the others are frozen")
	}
	return nil
}

// inEvaluationMode returns a model's graph that is in evaluation mode in training, too.
func inEvaluationMode(logits func(*model.Scope, *graph.Node) *graph.Node) func(*model.Scope, *graph.Node) *graph.Node {
	return func(scope *model.Scope, images *graph.Node) *graph.Node {
		g := images.Graph()
		training := scope.IsTraining(g)
		scope.Store().SetTraining(g, false)
		defer scope.Store().SetTraining(g, training)
		return logits(scope, images)
	}
}
