//go:build linux && cgo && !noxla

package backend

import "C" // for malloc.c
