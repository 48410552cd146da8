//go:build !(linux && cgo && !noxla && (amd64 || arm64))

// Package xlamem keeps XLA's large blocks of memory on Linux; elsewhere it does nothing.
package xlamem

// Attach returns false: the pool needs Linux and cgo (xlamem.go).
func Attach(string) bool { return false }
