//go:build !(cgo && !noxla && ((linux && (amd64 || arm64)) || (darwin && arm64) || (windows && amd64)))

package backend

import "github.com/gomlx/compute"

// IsGPU says whether the backend computes on a graphics card: never, without XLA.
func IsGPU(compute.Backend) bool { return false }

func xlaCandidates() []candidate { return nil }
func lessMemory()                {}
func hasGPU() bool               { return false }
func cpuPlugin() string          { return "" }
