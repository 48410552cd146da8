//go:build linux && cgo && !noxla && (amd64 || arm64)

// The pool of large blocks. It is used only by the library that xlamem_attach has redirected.

#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "xlamem.h"

#ifdef __GLIBC__

enum {
	LARGE = 4 << 20,     // smaller blocks are left to malloc
	SCRATCH = 32 << 20,  // from here on a block is probably a program's scratch memory
	ALIGNMENT = 2 << 20, // of a huge page
	SPARE = 128 << 20,   // free blocks are kept up to this size and that of the largest block together
	MAX_BLOCKS = 64,
	WAIT_MS = 20,
};

static struct block {
	void *p; // NULL if there is none
	size_t size;
	int used;
	int reused; // how often it was handed out again
} blocks[MAX_BLOCKS];
static size_t largest; // block so far
static int enabled;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER; // a block was freed

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }
static void in_child(void) {
	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&given, NULL);
}

static void prepare(void) { enabled = pthread_atfork(before_fork, after_fork, in_child) == 0; }

int xlamem_enable(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, prepare);
	return enabled;
}

static void unmap(struct block *b) {
	munmap(b->p, b->size);
	*b = (struct block){0};
}

// release unmaps all free blocks.
static void release(void) {
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS; b++)
		if (b->p && !b->used)
			unmap(b);
}

// map fills an empty place with new memory, in huge pages where the kernel has some; it returns NULL if there is none.
static struct block *map(size_t size) {
	struct block *b = blocks;
	while (b < blocks + MAX_BLOCKS && b->p)
		b++;
	if (b == blocks + MAX_BLOCKS)
		return NULL;
	char *m = mmap(NULL, size + ALIGNMENT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED)
		return NULL;
	char *p = (char *)(((uintptr_t)m + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
	if (p > m)
		munmap(m, p - m);
	munmap(p + size, m + ALIGNMENT - p);
	madvise(p, size, MADV_HUGEPAGE);
	*b = (struct block){.p = p, .size = size};
	if (size > largest)
		largest = size;
	return b;
}

// find returns the smallest free block that holds size bytes and is not more than twice as large.
static struct block *find(size_t size) {
	struct block *best = NULL;
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS; b++)
		if (b->p && !b->used && b->size >= size && b->size / 2 <= size && (!best || b->size < best->size))
			best = b;
	if (best)
		best->reused++;
	return best;
}

// wait_for waits for a block of this size if the only one in use is reused step by step: XLA reports a step as done shortly before it
// frees its scratch memory, and a second block would double the peak.
static struct block *wait_for(size_t size) {
	int users = 0, reused = 0;
	for (struct block *b = blocks; b < blocks + MAX_BLOCKS; b++)
		if (b->used && b->size == size)
			users++, reused += b->reused;
	if (size < SCRATCH || users != 1 || reused < 2)
		return NULL;
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_MS * 1000000;
	if (until.tv_nsec >= 1000000000)
		until.tv_sec++, until.tv_nsec -= 1000000000;
	struct block *b;
	while (!(b = find(size)))
		if (pthread_cond_timedwait(&given, &lock, &until))
			return NULL;
	return b;
}

// take returns a block of the pool; NULL if the pool has none for this request.
static void *take(size_t alignment, size_t size) {
	if (!enabled || size < LARGE || size > PTRDIFF_MAX - 2 * (size_t)ALIGNMENT || alignment > ALIGNMENT)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	pthread_mutex_lock(&lock);
	struct block *b = find(size);
	if (!b)
		b = wait_for(size);
	if (!b) {
		release(); // a new size: what earlier programs kept is probably not needed any more,
		if (size >= SCRATCH)
			malloc_trim(0); // and neither is what the compiler has freed
		b = map(size);
	}
	void *p = b ? b->p : NULL;
	if (b)
		b->used = 1;
	pthread_mutex_unlock(&lock);
	return p;
}

// block_of returns the block at p, NULL if p is not of the pool. The lock is held.
static struct block *block_of(void *p) {
	for (struct block *b = blocks; p && (uintptr_t)p % ALIGNMENT == 0 && b < blocks + MAX_BLOCKS; b++)
		if (b->p == p)
			return b;
	return NULL;
}

// size_of returns the size of the block at p, 0 if p is not of the pool.
static size_t size_of(void *p) {
	pthread_mutex_lock(&lock);
	struct block *b = block_of(p);
	size_t size = b ? b->size : 0;
	pthread_mutex_unlock(&lock);
	return size;
}

// give takes back the block at p; it returns 0 if p is not of the pool.
static int give(void *p) {
	if ((uintptr_t)p % ALIGNMENT != 0)
		return 0;
	pthread_mutex_lock(&lock);
	struct block *b = block_of(p);
	if (b && !b->used) {
		fputs("xlamem: double free of a block of XLA\n", stderr);
		abort();
	}
	if (b) {
		size_t kept = b->size;
		for (struct block *other = blocks; other < blocks + MAX_BLOCKS; other++)
			kept += other->used ? 0 : other->size;
		if (kept > SPARE + largest)
			release();
		b->used = 0;
		pthread_cond_broadcast(&given);
	}
	pthread_mutex_unlock(&lock);
	return b != NULL;
}

void *xlamem_aligned_alloc(size_t alignment, size_t size) {
	void *p = take(alignment, size);
	return p ? p : aligned_alloc(alignment, size);
}

int xlamem_posix_memalign(void **result, size_t alignment, size_t size) {
	void *p = alignment % sizeof(void *) == 0 && alignment && !(alignment & (alignment - 1)) ? take(alignment, size) : NULL;
	if (!p)
		return posix_memalign(result, alignment, size);
	*result = p;
	return 0;
}

void *xlamem_realloc(void *p, size_t size) {
	size_t old = size_of(p);
	if (!old)
		return realloc(p, size);
	void *new = size ? malloc(size) : NULL;
	if (new)
		memcpy(new, p, old < size ? old : size);
	if (new || !size)
		give(p);
	return new;
}

void *xlamem_reallocarray(void *p, size_t n, size_t size) {
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return xlamem_realloc(p, bytes);
}

size_t xlamem_malloc_usable_size(void *p) {
	size_t size = size_of(p);
	return size ? size : malloc_usable_size(p);
}

void xlamem_free(void *p) {
	if (!p || !give(p))
		free(p);
}

#endif
