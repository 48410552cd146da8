//go:build js && wasm

// Command browser is the program of the page "try" in site/, compiled to WebAssembly. tools/build_try.py builds it and puts it into
// the page, with the weights and some images.
//
// It gives JavaScript one function, resnet18(method, request, bytes), which runs in a worker. Request and result are JSON; a
// Uint8Array carries files. An error is thrown. The methods are those of the type server.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"syscall/js"

	"nndl.example/resnet18/pkg/backend"
)

func main() {
	debug.SetGCPercent(50) // the heap never shrinks, so garbage is collected sooner
	b, err := backend.New(backend.PureGo, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
	s := newServer(b)
	js.Global().Set("resnet18", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return s.answer(args)
	}))
	js.Global().Call("started")
	select {} // Go's functions can be called as long as main runs
}

// answer calls a method. It returns {result: JSON} or {error: text}: a Go function cannot throw.
func (s *server) answer(args []js.Value) any {
	var content []byte
	if len(args) > 2 && args[2].Truthy() {
		content = make([]byte, args[2].Length())
		js.CopyBytesToGo(content, args[2])
	}
	result, err := s.call(args[0].String(), []byte(args[1].String()), content)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	text, err := json.Marshal(result)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	return map[string]any{"result": string(text)}
}
