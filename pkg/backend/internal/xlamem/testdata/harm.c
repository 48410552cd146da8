// Runs one case of TestHarm: harm LIBRARY CASE. It prints "pool" if the library's blocks come from the pool, "malloc" if not.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../xlamem.h"

static int pooled; // whether the pool serves the library
static void *library;
#define LIB(result, name, ...) ((result(*)(__VA_ARGS__))dlsym(library, "lib_" #name))
#define lib_alloc LIB(void *, aligned_alloc, size_t, size_t)
#define lib_free LIB(void, free, void *)
#define CHECK(x) ((x) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #x), exit(1)))

enum { MB = 1 << 20 };

static void memory_mb(long *mapped, long *resident) {
	FILE *f = fopen("/proc/self/statm", "r");
	CHECK(f && fscanf(f, "%ld %ld", mapped, resident) == 2);
	fclose(f);
	*mapped *= sysconf(_SC_PAGESIZE) / 1024, *mapped /= 1024;
	*resident *= sysconf(_SC_PAGESIZE) / 1024, *resident /= 1024;
}

static long mapped_mb(void) {
	long mapped, resident;
	memory_mb(&mapped, &resident);
	return mapped;
}

static long resident_mb(void) {
	long mapped, resident;
	memory_mb(&mapped, &resident);
	return resident;
}

static double seconds(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *block(size_t size) {
	char *p = lib_alloc(64, size);
	CHECK(p && (uintptr_t)p % 64 == 0);
	memset(p, 7, size);
	return p;
}

static void resize(void) {
	void *(*re)(void *, size_t) = LIB(void *, realloc, void *, size_t);
	void *(*array)(void *, size_t, size_t) = LIB(void *, reallocarray, void *, size_t, size_t);
	char *p = block(8 * MB);
	CHECK((p = re(p, 20 * MB)) && p[0] == 7 && p[8 * MB - 1] == 7);
	lib_free(p);
	CHECK((p = array(block(8 * MB), 5, MB)) && p[5 * MB - 1] == 7);
	CHECK(!array(p, SIZE_MAX / 2, 3) && errno == ENOMEM && p[0] == 7);
	lib_free(p);
	p = block(8 * MB);
	CHECK((p = re(p, 100)) && p[99] == 7);
	lib_free(p);
}

static void usable_size(void) {
	void *p = block(5 * MB);
	CHECK(LIB(size_t, usable_size, void *)(p) >= 5 * MB);
	lib_free(p);
	p = LIB(void *, malloc, size_t)(100);
	CHECK(LIB(size_t, usable_size, void *)(p) >= 100);
	lib_free(p);
	CHECK(LIB(size_t, usable_size, void *)(NULL) == 0);
}

static void others(void) {
	void *p = LIB(void *, memalign, size_t, size_t)(4096, 9 * MB), *q = NULL;
	CHECK(p && (uintptr_t)p % 4096 == 0);
	lib_free(p);
	CHECK(p = LIB(void *, valloc, size_t)(9 * MB));
	lib_free(p);
	int (*posix)(void **, size_t, size_t) = LIB(int, posix_memalign, void **, size_t, size_t);
	CHECK(posix(&q, 64, 9 * MB) == 0 && q);
	void (*const *pointer)(void *) = dlsym(library, "lib_free_pointer");
	(*pointer)(q);
	CHECK(posix(&q, 3, 9 * MB) == EINVAL);
	CHECK(posix(&q, 8 * MB, 9 * MB) == 0 && (uintptr_t)q % (8 * MB) == 0);
	lib_free(q);
	lib_free(NULL);
}

static void overflow(void) {
	void *q = NULL;
	volatile size_t huge = SIZE_MAX - 4096; // not a constant: compilers warn
	CHECK(!lib_alloc(64, huge) && !lib_alloc(64, SIZE_MAX / 2 - 4096));
	CHECK(LIB(int, posix_memalign, void **, size_t, size_t)(&q, 64, huge) == ENOMEM);
}

static volatile int stop;

static void *churn(void *arg) {
	(void)arg;
	while (!stop) {
		char *p = lib_alloc(64, 6 * MB);
		CHECK(p);
		p[0] = 1;
		lib_free(p);
	}
	return NULL;
}

static void forked(void) {
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, churn, NULL);
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			alarm(20);
			for (int j = 0; j < 20; j++)
				lib_free(block(6 * MB));
			_exit(0);
		}
		int status;
		CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void twice(void) {
	void *p = block(40 * MB);
	lib_free(p);
	lib_free(p); // must end the program
}

static void fit(void) { // a small request does not take a large block
	lib_free(block(600 * MB));
	long before = resident_mb();
	char *p = lib_alloc(64, 5 * MB);
	CHECK(p && resident_mb() <= before + 16);
	CHECK(LIB(size_t, usable_size, void *)(p) < 16 * MB);
	lib_free(p);
}

static void many(void) { // live blocks of one size do not wait for each other
	void *p[20];
	for (int i = 0; i < 5; i++)
		lib_free(block(40 * MB)); // a size that is reused
	double start = seconds();
	for (int i = 0; i < 20; i++)
		CHECK(p[i] = lib_alloc(64, 40 * MB));
	printf("%.0f ms for 20 live blocks\n", 1e3 * (seconds() - start));
	for (int i = 0; i < 20; i++)
		lib_free(p[i]);
}

static void kept(void) {
	void *p[20];
	long before = resident_mb();
	for (int i = 0; i < 20; i++)
		p[i] = block(50 * MB);
	for (int i = 0; i < 20; i++)
		lib_free(p[i]);
	long left = resident_mb() - before;
	printf("%ld MB stay of 1000\n", left);
	CHECK(left <= 200);
}

static void full(void) { // more live blocks than the pool has places
	enum { N = 100 };
	char *p[N];
	for (int i = 0; i < N; i++) {
		CHECK(p[i] = lib_alloc(64, 5 * MB));
		p[i][0] = i, p[i][5 * MB - 1] = i;
	}
	for (int i = 0; i < N; i += 3)
		CHECK(p[i] = LIB(void *, realloc, void *, size_t)(p[i], 7 * MB));
	for (int i = 0; i < N; i++) {
		CHECK(p[i][0] == i && p[i][5 * MB - 1] == i);
		lib_free(p[i]);
	}
}

static void limit(void) { // no memory is NULL, and what is given back is used again
	struct rlimit old, low;
	CHECK(getrlimit(RLIMIT_AS, &old) == 0);
	low = old;
	low.rlim_cur = (size_t)1 << 30;
	if (mapped_mb() > 500)
		return; // a sanitizer reserves more
	CHECK(setrlimit(RLIMIT_AS, &low) == 0);
	char *p[50];
	int n = 0;
	while (n < 50 && (p[n] = lib_alloc(64, 50 * MB)))
		p[n++][0] = 1;
	printf("%d blocks below the limit\n", n);
	CHECK(n > 0 && n < 50);
	CHECK(!LIB(void *, realloc, void *, size_t)(p[0], 900 * MB) && p[0][0] == 1); // realloc that fails keeps the block
	for (int i = 0; i < n; i++)
		lib_free(p[i]);
	if (pooled) { // jemalloc keeps the addresses in pieces
		CHECK(p[0] = lib_alloc(64, 300 * MB));
		lib_free(p[0]);
	}
	CHECK(setrlimit(RLIMIT_AS, &old) == 0);
}

static void *resizing(void *arg) {
	char mark = (char)(intptr_t)arg;
	for (int i = 0; i < 20; i++) {
		size_t size = (4 + (mark + i) % 5) * MB;
		char *p = lib_alloc(64, size);
		CHECK(p);
		p[0] = p[size - 1] = mark;
		CHECK(LIB(size_t, usable_size, void *)(p) >= size);
		CHECK(p = LIB(void *, realloc, void *, size_t)(p, size + (i % 2 ? MB : -2 * MB)));
		CHECK(p[0] == mark && (i % 2 == 0 || p[size - 1] == mark));
		lib_free(p);
	}
	return NULL;
}

static void concurrent(void) { // threads that resize do not get each other's blocks
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, resizing, (void *)(intptr_t)(i + 1));
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {{"resize", resize}, {"usable size", usable_size}, {"others", others}, {"overflow", overflow}, {"fork", forked},
	             {"twice", twice},   {"fit", fit},                 {"many", many},     {"kept", kept},
	             {"full", full},     {"limit", limit},             {"concurrent", concurrent}};
	CHECK(argc == 3 && (library = dlopen(argv[1], RTLD_LAZY | RTLD_LOCAL)));
	pooled = xlamem_attach(argv[1]);
	puts(pooled ? "pool" : "malloc");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (strcmp(argv[2], cases[i].name) == 0) {
			cases[i].run();
			puts("done");
			return 0;
		}
	return 2;
}
