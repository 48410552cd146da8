//go:build !(linux && cgo && !noxla && (amd64 || arm64))

package backend

import "github.com/gomlx/compute"

func cachePrograms(string) {} // the C part is written for Linux

// KeepsPrograms is false here: see cache.go.
func KeepsPrograms(compute.Backend) bool { return false }
