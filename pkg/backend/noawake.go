//go:build !(linux && cgo && !noxla && amd64)

package backend

import "github.com/gomlx/compute"

// StayAwake does nothing here: see awake.go.
func StayAwake(compute.Backend) (stop func()) { return func() {} }
