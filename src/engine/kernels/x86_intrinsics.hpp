// The processor's intrinsics, for files that use them beside Highway.
#pragma once

#if defined(__x86_64__)
#if !defined(__clang__)  // GCC takes the undefined vectors of its own header for uninitialised ones.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#endif
