//go:build linux && cgo && !noxla && (amd64 || arm64)

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "pjrt.h"

// The interface's major version and the places in its function table.
enum {
	MAJOR_VERSION = 0,
	ERROR_DESTROY = 0,
	CLIENT_COMPILE = 20,
	EXECUTABLE_DESTROY = 40,
	EXECUTABLE_SERIALIZE = 49,
	LOADED_EXECUTABLE_GET_EXECUTABLE = 51,
	EXECUTABLE_DESERIALIZE_AND_LOAD = 56
};

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *p;
} destroy_args; // of an executable or an error

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *loaded, *executable;
} get_executable_args;

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *client;
	const char *bytes;
	size_t size;
	void *loaded; // out
	const char *compile_options;
	size_t compile_options_size;
} deserialize_args;

void *compileCached(compile_args *args); // in cache.go

static pjrt_api *plugin; // with the plugin's own functions

static void *call(int function, void *args) { return ((void *(*)(void *))plugin->functions[function])(args); }

static int succeeds(int function, void *args) {
	void *error = call(function, args);
	if (error)
		call(ERROR_DESTROY, &(destroy_args){sizeof(destroy_args), NULL, error});
	return error == NULL;
}

int pjrt_open(const char *path) { return dlopen(path, RTLD_LAZY | RTLD_LOCAL) != NULL; }

// known reports whether the table has the layout of pjrt.h: places are fixed within a major version only.
static int known(const pjrt_api *api) {
	static const int used[] = {ERROR_DESTROY,        CLIENT_COMPILE,
	                           EXECUTABLE_DESTROY,   EXECUTABLE_SERIALIZE,
	                           LOADED_EXECUTABLE_GET_EXECUTABLE, EXECUTABLE_DESERIALIZE_AND_LOAD};
	if (!api || api->struct_size < sizeof(pjrt_api) + (EXECUTABLE_DESERIALIZE_AND_LOAD + 1) * sizeof(void *) ||
	    api->version.major_version != MAJOR_VERSION)
		return 0;
	for (size_t i = 0; i < sizeof used / sizeof *used; i++)
		if (!api->functions[used[i]])
			return 0;
	return 1;
}

pjrt_api *pjrt_table(const char *path) {
	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
	pjrt_api *(*get)(void) = library ? (pjrt_api * (*)(void)) dlsym(library, "GetPjrtApi") : NULL;
	plugin = get ? get() : NULL;
	if (!known(plugin))
		return NULL;
	pjrt_api *copy = malloc(plugin->struct_size);
	if (copy) {
		memcpy(copy, plugin, plugin->struct_size);
		copy->functions[CLIENT_COMPILE] = compileCached;
	}
	return copy;
}

void *pjrt_compile(compile_args *args) { return call(CLIENT_COMPILE, args); }

int pjrt_serialize(void *loaded, serialize_args *out) {
	get_executable_args get = {sizeof get, NULL, loaded, NULL};
	if (!succeeds(LOADED_EXECUTABLE_GET_EXECUTABLE, &get))
		return 0;
	*out = (serialize_args){sizeof *out, NULL, get.executable};
	int ok = succeeds(EXECUTABLE_SERIALIZE, out);
	succeeds(EXECUTABLE_DESTROY, &(destroy_args){sizeof(destroy_args), NULL, get.executable});
	return ok;
}

void pjrt_release(serialize_args *s) { s->destroy(s->owner); }

void *pjrt_deserialize(void *client, const char *bytes, size_t size) {
	deserialize_args args = {sizeof args, NULL, client, bytes, size, NULL, NULL, 0};
	return succeeds(EXECUTABLE_DESERIALIZE_AND_LOAD, &args) ? args.loaded : NULL;
}
