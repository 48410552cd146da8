package nn

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/support/exceptions"
)

// Variables gives a network access to its variables by name while its graph is built.
type Variables struct {
	scope *model.Scope
	graph *Graph
}

// NewVariables returns the variables of the scope's store, for use in the graph.
func NewVariables(scope *model.Scope, g *Graph) Variables { return Variables{scope, g} }

// Value returns the value of a variable by its PyTorch name, for example "layer1.0.conv1.weight".
func (v Variables) Value(name string) *Node { return v.get(name).NodeValue(v.graph) }

// get panics if the variable is missing: then the network's Init was not called.
func (v Variables) get(name string) *model.Variable {
	found := v.scope.Store().GetVariable(Param{Name: name}.Path())
	if found == nil {
		exceptions.Panicf("nn: variable %q is not in the store: call the network's Init first", name)
	}
	return found
}

// BatchNorm calls the function BatchNorm with the variables name.weight, name.bias, name.running_mean and
// name.running_var.
func (v Variables) BatchNorm(x *Node, name string) *Node {
	return v.BatchNormWith(x, name, v.Value(name+".weight"), v.Value(name+".bias"))
}

// BatchNormWith is like BatchNorm with the given weight and bias, each [channels].
func (v Variables) BatchNormWith(x *Node, name string, weight, bias *Node) *Node {
	return BatchNorm(x, weight, bias, v.get(name+".running_mean"), v.get(name+".running_var"), v.scope.IsTraining(v.graph))
}
