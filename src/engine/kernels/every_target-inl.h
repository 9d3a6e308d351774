// Compiles the file that includes this once per instruction set. That file includes it after its ordinary
// headers and says which file it is:
//
//     #undef HWY_TARGET_INCLUDE
//     #define HWY_TARGET_INCLUDE "engine/kernels/name.cpp"
//     #include "engine/kernels/every_target-inl.h"
//
// No guard: foreach_target.h includes the file again for each instruction set, and highway.h then brings the
// vector operations of that one.
#include "engine/kernels/targets.hpp"
//
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>
