//go:build !(cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64)))

package backend

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
)

// InPlace does nothing without XLA.
func InPlace(parameter *graph.Node, output int) {}

func startXLA(config string) (compute.Backend, error) { return compute.NewWithConfig(config) }

func xlaCandidates() []candidate { return nil }
func hasGPU() bool               { return false }
func cpuPlugin() string          { return "" }
