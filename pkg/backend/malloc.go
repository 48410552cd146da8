//go:build linux && cgo && !noxla

package backend

/*
#include <limits.h>
#include <malloc.h>

// XLA asks for its scratch memory (about 100 MB) at every step and frees it again. By default glibc hands it back to the
// kernel each time, whose zeroed new pages then cost a fifth of the step. It keeps blocks of that size only in its first
// arena. With that one alone threads wait for each other, with many the blocks come to lie elsewhere; three is what was fast
// (bench/README.md). This must happen before the first thread has made an arena of its own, so before Go starts.
__attribute__((constructor)) static void keep_freed_memory(void) {
#ifdef __GLIBC__
	mallopt(M_ARENA_MAX, 3);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}
*/
import "C"
