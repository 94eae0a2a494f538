// libFuzzer as a library (LLVM, "Using libFuzzer as a library"): the driver runs until a bound of its arguments is reached.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Runs `callback` on inputs that it makes up; returns the code to end with. The arguments are those of every libFuzzer program.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
