//go:build cgo && !noxla && ((darwin && arm64) || (windows && amd64))

package backend

func cachePrograms(string) {} // the C part is written for Linux
