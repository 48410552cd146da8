//go:build linux && cgo && !noxla

// XLA asks for its scratch memory (66 MB for a step of the chapter's network, 600 MB with the CIFAR stem) at every step and
// frees it again. glibc maps so large a block anew each time, unless a thread asks for it that uses glibc's first arena, which
// is chance, and the kernel's zeroed pages then cost up to a quarter of the step. So the functions that XLA calls are defined
// here, where the dynamic linker finds them before those of glibc: a large block is kept when it is freed, and given out
// again. All else is left to glibc. bench/README.md has the figures.

#include <features.h>
#ifdef __GLIBC__

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <stdlib.h>

void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

enum { LARGE = 4 << 20, ALIGNMENT = 2 << 20, MAX_BLOCKS = 64 };

static struct block { void *p; size_t size; int used; } blocks[MAX_BLOCKS]; // p NULL and size 0 where there is none
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// map gives a block fresh memory, in huge pages where the kernel has some; it returns NULL if there is no memory.
static void *map(struct block *b, size_t size) {
	char *m = mmap(NULL, size + ALIGNMENT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED)
		return NULL;
	char *p = (char *)(((uintptr_t)m + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
	if (p > m)
		munmap(m, p - m);
	munmap(p + size, m + ALIGNMENT - p);
	madvise(p, size, MADV_HUGEPAGE);
	b->p = p;
	b->size = size;
	return p;
}

// take finds the smallest free block that is large enough. If there is none, the largest free one makes room.
static void *take(size_t size) {
	struct block *best = NULL, *spare = NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	pthread_mutex_lock(&lock);
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS; b++) {
		if (b->used)
			continue;
		if (b->size >= size && (!best || b->size < best->size))
			best = b;
		if (!spare || b->size > spare->size)
			spare = b;
	}
	if (!best && spare) {
		if (spare->p)
			munmap(spare->p, spare->size);
		*spare = (struct block){0};
		malloc_trim(0); // what the compiler has freed goes back to the kernel, so that it does not count beside the new block
		best = map(spare, size) ? spare : NULL;
	}
	if (best)
		best->used = 1;
	pthread_mutex_unlock(&lock);
	return best ? best->p : NULL;
}

// give takes back a block that take gave; it returns 0 if p is not one.
static int give(void *p) {
	int found = 0;
	pthread_mutex_lock(&lock);
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS && !found; b++)
		if (b->p == p)
			b->used = 0, found = 1;
	pthread_mutex_unlock(&lock);
	return found;
}

void *aligned_alloc(size_t alignment, size_t size) {
	void *p = size >= LARGE && alignment <= ALIGNMENT ? take(size) : NULL;
	return p ? p : __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
	if (alignment % sizeof(void *) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
		return EINVAL;
	void *p = aligned_alloc(alignment, size);
	if (!p)
		return ENOMEM;
	*result = p;
	return 0;
}

void free(void *p) {
	if (p == NULL || (uintptr_t)p % ALIGNMENT != 0 || !give(p))
		__libc_free(p);
}

// Smaller blocks glibc shall keep too, and its arenas their 64 MB of addresses, before the first thread gets one.
__attribute__((constructor)) static void keep_freed_memory(void) {
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_TOP_PAD, 64 << 20);
}

#endif
