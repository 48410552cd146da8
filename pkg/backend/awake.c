//go:build linux && cgo && !noxla && amd64

// Threads that keep the cores of a virtual machine busy when nothing else does: see awake.go.

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#include "awake.h"

static sem_t go[CPU_SETSIZE]; // one for each core's thread, posted when it is to spin
static cpu_set_t cores;
static atomic_int wanted; // how many callers want the cores awake

// stay spins on one core while that is wanted. Of the class SCHED_IDLE, it gives way to every other thread at once.
static void *stay(void *core) {
	cpu_set_t own;
	CPU_ZERO(&own);
	CPU_SET((intptr_t)core, &own);
	if (sched_setscheduler(0, SCHED_IDLE, &(struct sched_param){0}) || sched_setaffinity(0, sizeof own, &own))
		return NULL;
	for (;;) {
		sem_wait(&go[(intptr_t)core]);
		while (atomic_load_explicit(&wanted, memory_order_relaxed))
			__builtin_ia32_pause();
	}
}

static void start(void) {
	if (sched_getaffinity(0, sizeof cores, &cores))
		CPU_ZERO(&cores);
	for (intptr_t core = 0; core < CPU_SETSIZE; core++) {
		pthread_t t;
		if (!CPU_ISSET(core, &cores))
			continue;
		sem_init(&go[core], 0, 0);
		if (!pthread_create(&t, NULL, stay, (void *)core))
			pthread_detach(t);
	}
}

void awake_begin(void) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start);
	if (atomic_fetch_add(&wanted, 1) == 0)
		for (int core = 0; core < CPU_SETSIZE; core++)
			if (CPU_ISSET(core, &cores))
				sem_post(&go[core]);
}

void awake_end(void) { atomic_fetch_sub(&wanted, 1); }
