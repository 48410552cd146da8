// The parts of PJRT's C interface (github.com/openxla/xla, xla/pjrt/c/pjrt_c_api.h) that cache.go needs. Within a major version its
// structures only grow at their ends.

#include <stddef.h>

typedef struct {
	size_t struct_size;
	void *extension_start;
	struct {
		size_t struct_size;
		void *extension_start;
		int major_version, minor_version;
	} version;
	void *functions[]; // each takes one structure of arguments and returns an error, or NULL
} pjrt_api;

typedef struct {
	size_t struct_size;
	void *extension_start;
	char *code;
	size_t code_size;
	const char *format;
	size_t format_size;
} pjrt_program;

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *client;
	const pjrt_program *program;
	const char *compile_options;
	size_t compile_options_size;
	void *executable; // out
} compile_args;

typedef struct {
	size_t struct_size;
	void *extension_start;
	void *executable;
	const char *bytes; // out, as all that follow
	size_t size;
	void *owner;
	void (*destroy)(void *owner);
} serialize_args;

// pjrt_open loads a plugin; it returns 0 if it cannot.
int pjrt_open(const char *path);

// pjrt_table returns a copy of a loaded plugin's function table in which compileCached compiles; NULL if the plugin has no table or one
// of another version.
pjrt_api *pjrt_table(const char *path);

// pjrt_compile calls the plugin's own function and returns its error.
void *pjrt_compile(compile_args *args);

// pjrt_serialize writes a compiled program to memory, which pjrt_release frees; it returns 0 if the plugin cannot.
int pjrt_serialize(void *loaded, serialize_args *out);
void pjrt_release(serialize_args *s);

// pjrt_deserialize loads what pjrt_serialize wrote; NULL if the plugin cannot.
void *pjrt_deserialize(void *client, const char *bytes, size_t size);
