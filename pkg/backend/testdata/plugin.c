// A PJRT plugin of which only the function table is there. MAJOR, MISSING (bytes) and NULL_AT change it.

#include "../pjrt.h"

static void *nothing(void *args) { return args; }

static struct {
	pjrt_api api;
	void *functions[150];
} table;

pjrt_api *GetPjrtApi(void) {
	table.api.struct_size = sizeof table - MISSING;
	table.api.version.struct_size = sizeof table.api.version;
	table.api.version.major_version = MAJOR;
	for (int i = 0; i < 150; i++)
		table.functions[i] = i == NULL_AT ? NULL : (void *)nothing;
	return &table.api;
}
