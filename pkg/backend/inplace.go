//go:build cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"reflect"

	"github.com/gomlx/go-xla/stablehlo"
	"github.com/gomlx/gomlx/core/graph"
)

// InPlace lets XLA write an output of a graph to the memory of one of its parameters, of the same shape: what updates weights
// then needs no second copy of them, and they stay where they are. output is the index among the outputs of the compiled
// graph. Whoever runs the graph must donate the parameter's buffer, as GoMLX does with variables that the graph changes.
//
// GoMLX v0.28.5 donates, but go-xla v0.4.4 does not tell XLA's compiler, and so XLA puts each output into fresh memory. The
// attribute that tells it (https://openxla.org/xla/aliasing) can be set on the program's parameter, to which no public way
// leads: hence the reflection. A version with other fields is left as it is.
func InPlace(parameter *graph.Node, output int) {
	ops := reflect.ValueOf(parameter).Elem().FieldByName("outputOps") // of *xla.Node, each with a *stablehlo.Value
	if ops.Kind() != reflect.Slice || ops.Len() != 1 || ops.Index(0).Elem().Kind() != reflect.Pointer {
		return
	}
	node := ops.Index(0).Elem().Elem()
	if node.Kind() != reflect.Struct {
		return
	}
	field := node.FieldByName("value")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*stablehlo.Value]() {
		return // pure Go
	}
	value := (*stablehlo.Value)(field.UnsafePointer())
	if value.Attributes == nil {
		value.Attributes = map[string]any{}
	}
	value.Attributes["tf.aliasing_output"] = int32(output)
}
