//go:build !(linux && cgo && !noxla && (amd64 || arm64))

package backend

import "github.com/gomlx/compute"

func registerPlugin(path string) (name string) { return path } // the C part is written for Linux

// CachesPrograms returns false: the cache of compiled programs needs Linux and cgo (cache.go).
func CachesPrograms(compute.Backend) bool { return false }
