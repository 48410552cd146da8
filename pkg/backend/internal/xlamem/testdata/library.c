// A library that allocates as XLA's plugin does: its calls go through its own table of imported functions.

#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>

void *lib_aligned_alloc(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }
int lib_posix_memalign(void **p, size_t alignment, size_t size) { return posix_memalign(p, alignment, size); }
void *lib_malloc(size_t size) { return malloc(size); }
void *lib_memalign(size_t alignment, size_t size) { return memalign(alignment, size); }
void *lib_valloc(size_t size) { return valloc(size); }
void *lib_realloc(void *p, size_t size) { return realloc(p, size); }
void *lib_reallocarray(void *p, size_t n, size_t size) { return reallocarray(p, n, size); }
size_t lib_usable_size(void *p) { return malloc_usable_size(p); }
void lib_free(void *p) { free(p); }
void (*const lib_free_pointer)(void *) = free; // an address kept in read-only data
