//go:build linux && cgo && !noxla

package backend

/*
#include <limits.h>
#include <malloc.h>

// XLA asks for its scratch memory (hundreds of MB) at every step and frees it again. By default glibc
// hands it back to the kernel each time, whose zeroed new pages then cost an eighth of the step.
static void keep_freed_memory(void) {
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}
*/
import "C"

func keepFreedMemory() { C.keep_freed_memory() }
