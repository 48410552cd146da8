// Package kind tells GoMLX's backends apart. It does not import them, so packages that run in a browser can use it.
package kind

import "github.com/gomlx/compute"

// IsGPU reports whether the backend computes on a GPU.
func IsGPU(b compute.Backend) bool {
	x, ok := b.(interface{ IsCUDA() bool })
	return ok && x.IsCUDA()
}

// IsPureGo reports whether the backend is GoMLX's own, without XLA, whose backends have IsCUDA.
func IsPureGo(b compute.Backend) bool {
	_, xla := b.(interface{ IsCUDA() bool })
	return !xla
}
