#include <stddef.h>

// xlamem_attach makes the shared library at path, already loaded, call the functions below instead of those it imports. It returns 0
// and changes nothing if the library is not loaded or malloc is not glibc's own.
int xlamem_attach(const char *path);

// xlamem_enable prepares the pool; it returns 0 if it cannot.
int xlamem_enable(void);

// The functions that a library gets. Blocks that do not come from the pool are passed on to the process's allocator.
void *xlamem_aligned_alloc(size_t alignment, size_t size);
int xlamem_posix_memalign(void **result, size_t alignment, size_t size);
void *xlamem_realloc(void *p, size_t size);
void *xlamem_reallocarray(void *p, size_t n, size_t size);
size_t xlamem_malloc_usable_size(void *p);
void xlamem_free(void *p);
