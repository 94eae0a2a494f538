#include "CLibFuzzer.h"

// libFuzzer's own main, which nothing calls here, asks for it.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return 0; }
