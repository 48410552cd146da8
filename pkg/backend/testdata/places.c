// Compiles only if pjrt.h and pjrt.c agree with the interface's own header, HEADER.

#include <stddef.h>

#include HEADER
#include "../pjrt.c"

#define PLACE(function, place) \
	_Static_assert(offsetof(PJRT_Api, function) == offsetof(pjrt_api, functions) + (place) * sizeof(void *), #function)
#define FIELD(theirs, their_field, ours, our_field) \
	_Static_assert(offsetof(theirs, their_field) == offsetof(ours, our_field), #theirs "." #their_field)

_Static_assert(PJRT_API_MAJOR == MAJOR_VERSION, "major version");
PLACE(PJRT_Error_Destroy, ERROR_DESTROY);
PLACE(PJRT_Client_Compile, CLIENT_COMPILE);
PLACE(PJRT_Executable_Destroy, EXECUTABLE_DESTROY);
PLACE(PJRT_Executable_Serialize, EXECUTABLE_SERIALIZE);
PLACE(PJRT_LoadedExecutable_GetExecutable, LOADED_EXECUTABLE_GET_EXECUTABLE);
PLACE(PJRT_Executable_DeserializeAndLoad, EXECUTABLE_DESERIALIZE_AND_LOAD);
FIELD(PJRT_Api, pjrt_api_version.major_version, pjrt_api, version.major_version);
FIELD(PJRT_Program, code_size, pjrt_program, code_size);
FIELD(PJRT_Client_Compile_Args, program, compile_args, program);
FIELD(PJRT_Client_Compile_Args, compile_options_size, compile_args, compile_options_size);
FIELD(PJRT_Client_Compile_Args, executable, compile_args, executable);
FIELD(PJRT_Executable_Serialize_Args, serialized_bytes_size, serialize_args, size);
FIELD(PJRT_Executable_Serialize_Args, serialized_executable, serialize_args, owner);
FIELD(PJRT_Executable_Serialize_Args, serialized_executable_deleter, serialize_args, destroy);
FIELD(PJRT_LoadedExecutable_GetExecutable_Args, executable, get_executable_args, executable);
FIELD(PJRT_Executable_DeserializeAndLoad_Args, loaded_executable, deserialize_args, loaded);
