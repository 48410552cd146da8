//go:build linux && cgo && !noxla && (amd64 || arm64)

// Package xlamem keeps the large blocks of memory that XLA frees on the CPU and reuses them for its next requests.
//
// XLA allocates its scratch memory at every step (66 MB for the chapter's network at batch 64, 614 MB with the CIFAR stem) and frees it
// again. glibc returns blocks of this size to the kernel, and the page faults of the new ones take up to a quarter of the step. Only the
// calls of XLA's own shared library are redirected, through its table of imported functions; the rest of the process keeps its allocator.
package xlamem

// #include <stdlib.h>
// #include "xlamem.h"
import "C"

import (
	"os"
	"unsafe"
)

// EnvOff names the environment variable that, if not empty, leaves XLA's memory to the process's allocator.
const EnvOff = "NNDL_NO_XLA_POOL"

// Attach redirects the plugin's requests for memory and reports whether it did. The plugin must be loaded and not in use yet. Attach
// does nothing if $NNDL_NO_XLA_POOL is set, or if malloc is not glibc's own: with a preloaded allocator or under a sanitizer.
func Attach(plugin string) bool {
	if os.Getenv(EnvOff) != "" {
		return false
	}
	path := C.CString(plugin)
	defer C.free(unsafe.Pointer(path))
	return C.xlamem_attach(path) != 0
}
