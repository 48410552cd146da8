//go:build linux && cgo && !noxla && (amd64 || arm64)

// Redirects the functions that one shared library imports, by its relocations: see elf(5).

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xlamem.h"

#ifdef __GLIBC__

#ifdef __x86_64__
enum { JUMP_SLOT = R_X86_64_JUMP_SLOT, GLOB_DAT = R_X86_64_GLOB_DAT, ADDRESS = R_X86_64_64 };
#else
enum { JUMP_SLOT = R_AARCH64_JUMP_SLOT, GLOB_DAT = R_AARCH64_GLOB_DAT, ADDRESS = R_AARCH64_ABS64 };
#endif

static const struct {
	const char *name;
	void *function;
} redirected[] = {
    {"aligned_alloc", xlamem_aligned_alloc}, {"posix_memalign", xlamem_posix_memalign},
    {"realloc", xlamem_realloc},             {"reallocarray", xlamem_reallocarray},
    {"free", xlamem_free},                   {"malloc_usable_size", xlamem_malloc_usable_size},
};

// glibc_malloc reports whether the process's malloc and free are those of glibc's libc.so.
static int glibc_malloc(void) {
	static const char *names[] = {"malloc", "free", "aligned_alloc"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		Dl_info info;
		void *f = dlsym(RTLD_DEFAULT, names[i]);
		if (!f || !dladdr(f, &info) || !info.dli_fname)
			return 0;
		const char *slash = strrchr(info.dli_fname, '/');
		if (strcmp(slash ? slash + 1 : info.dli_fname, "libc.so.6") != 0)
			return 0;
	}
	return 1;
}

struct library {
	ElfW(Addr) base, protected, protected_end; // protected: the pages that are read-only after loading (RELRO)
	int found;
};

static int find_library(struct dl_phdr_info *info, size_t size, void *data) {
	(void)size;
	struct library *l = data;
	if (info->dlpi_addr != l->base)
		return 0;
	ElfW(Addr) page = sysconf(_SC_PAGESIZE);
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO) {
			l->protected = (l->base + info->dlpi_phdr[i].p_vaddr) & -page;
			l->protected_end = (l->base + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz) & -page;
		}
	l->found = 1;
	return 1;
}

static int set(const struct library *l, void **slot, void *function) {
	ElfW(Addr) page = sysconf(_SC_PAGESIZE), start = (ElfW(Addr))slot & -page;
	int locked = start >= l->protected && start < l->protected_end;
	if (locked && mprotect((void *)start, page, PROT_READ | PROT_WRITE))
		return 0;
	__atomic_store_n(slot, function, __ATOMIC_RELEASE);
	if (locked)
		mprotect((void *)start, page, PROT_READ);
	return 1;
}

// redirect changes the relocations of a table; it returns 0 if one cannot be changed. Until xlamem_enable the functions pass everything
// on, so that a library of which only a part is redirected gets no block of the pool.
static int redirect(const struct library *l, const ElfW(Rela) *r, size_t bytes, const ElfW(Sym) *symbols, const char *strings) {
	for (const ElfW(Rela) *end = r + bytes / sizeof *r; r < end; r++) {
		unsigned type = ELF64_R_TYPE(r->r_info);
		if (type != JUMP_SLOT && type != GLOB_DAT && type != ADDRESS)
			continue;
		const char *name = strings + symbols[ELF64_R_SYM(r->r_info)].st_name;
		for (size_t i = 0; i < sizeof redirected / sizeof *redirected; i++)
			if (strcmp(name, redirected[i].name) == 0 && !set(l, (void **)(l->base + r->r_offset), redirected[i].function))
				return 0;
	}
	return 1;
}

int xlamem_attach(const char *path) {
	struct link_map *map;
	void *handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD); // not closed: the library must stay
	if (!handle || !glibc_malloc() || dlinfo(handle, RTLD_DI_LINKMAP, &map))
		return 0;
	struct library l = {.base = map->l_addr};
	dl_iterate_phdr(find_library, &l);
	const ElfW(Rela) *table = NULL, *calls = NULL;
	const ElfW(Sym) *symbols = NULL;
	const char *strings = NULL;
	size_t table_bytes = 0, calls_bytes = 0;
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
		switch (d->d_tag) {
		case DT_RELA: table = (void *)d->d_un.d_ptr; break;
		case DT_RELASZ: table_bytes = d->d_un.d_val; break;
		case DT_JMPREL: calls = (void *)d->d_un.d_ptr; break;
		case DT_PLTRELSZ: calls_bytes = d->d_un.d_val; break;
		case DT_SYMTAB: symbols = (void *)d->d_un.d_ptr; break;
		case DT_STRTAB: strings = (void *)d->d_un.d_ptr; break;
		}
	if (!l.found || !symbols || !strings)
		return 0;
	return redirect(&l, table, table ? table_bytes : 0, symbols, strings) &&
	       redirect(&l, calls, calls ? calls_bytes : 0, symbols, strings) && xlamem_enable();
}

#else
int xlamem_attach(const char *path) { (void)path; return 0; }
#endif
