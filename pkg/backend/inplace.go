//go:build cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64))

package backend

import (
	"reflect"

	"github.com/gomlx/go-xla/stablehlo"
	"github.com/gomlx/gomlx/core/graph"
)

// InPlace lets XLA write an output of a graph to the memory of one of its parameters, which must have the same shape: updated weights then
// need no second copy, and keep their address. output is the output's index in the compiled graph. The caller of the graph must donate the
// parameter's buffer, as GoMLX does for variables that the graph changes.
//
// GoMLX v0.28.7 donates the buffer, but go-xla v0.4.5 does not tell XLA's compiler, so XLA writes each output to new memory. The attribute
// that does (https://openxla.org/xla/aliasing) belongs to the program's parameter, which has no public accessor: hence the reflection. If
// these fields have changed, InPlace does nothing.
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
