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
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

enum { LARGE = 4 << 20, SCRATCH = 32 << 20, ALIGNMENT = 2 << 20, MAX_BLOCKS = 64, WAIT_MS = 20 };

static struct block {
	void *p;
	size_t size, asked; // of the block, and what was asked for when it was last given out
	int used;
} blocks[MAX_BLOCKS]; // p NULL and size 0 where there is none
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER; // a block has been given back

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

// find returns the smallest free block that is large enough; known says whether a block was asked for in this size before.
static struct block *find(size_t size, int *known) {
	struct block *best = NULL;
	*known = 0;
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS; b++) {
		*known |= b->asked == size;
		if (!b->used && b->size >= size && (!best || b->size < best->size))
			best = b;
	}
	return best;
}

// replace maps a block in the place of the largest free one.
static struct block *replace(size_t size) {
	struct block *spare = NULL;
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS; b++)
		if (!b->used && (!spare || b->size > spare->size))
			spare = b;
	if (!spare)
		return NULL;
	if (spare->p)
		munmap(spare->p, spare->size);
	*spare = (struct block){0};
	return map(spare, size) ? spare : NULL;
}

// take finds or maps a block.
static void *take(size_t size) {
	int known;
	struct timespec until;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	pthread_mutex_lock(&lock);
	struct block *b = find(size, &known);
	if (!known)
		malloc_trim(0); // the size is a program's that has just been compiled: what the compiler has freed goes back to the kernel
	if (!b && known && size >= SCRATCH) {
		// Most likely the step before: XLA says that it is done shortly before it frees its scratch memory.
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += WAIT_MS * 1000000;
		if (until.tv_nsec >= 1000000000)
			until.tv_sec++, until.tv_nsec -= 1000000000;
		while (!(b = find(size, &known)) && pthread_cond_timedwait(&given, &lock, &until) == 0)
			;
	}
	if (!b)
		b = replace(size);
	if (b) {
		b->used = 1;
		b->asked = size;
	}
	pthread_mutex_unlock(&lock);
	return b ? b->p : NULL;
}

// give takes back a block that take gave; it returns 0 if p is not one.
static int give(void *p) {
	int found = 0;
	pthread_mutex_lock(&lock);
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS && !found; b++)
		if (b->p == p)
			b->used = 0, found = 1;
	if (found)
		pthread_cond_broadcast(&given);
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
