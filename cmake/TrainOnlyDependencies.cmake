# What the trainer built alone stands on: LibTorch, and libraries that are nothing but headers, found as files. Where they lie outside the
# compiler's own folders, name the folders above them in CMAKE_INCLUDE_PATH (docs/gpu.md).
function(epicrisis_find_headers target header)
  string(MAKE_C_IDENTIFIER "${header}" name)
  find_path(EPICRISIS_${name} ${header} REQUIRED)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${EPICRISIS_${name}}" INTERFACE_COMPILE_DEFINITIONS "${ARGN}")
endfunction()

find_package(Threads REQUIRED)
find_package(Torch REQUIRED)
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_compile_options(${torch_flags})  # some releases of LibTorch need an older ABI of the standard library
epicrisis_find_headers(fmt::fmt fmt/format.h FMT_HEADER_ONLY)
epicrisis_find_headers(nlohmann_json::nlohmann_json nlohmann/json.hpp)
epicrisis_find_headers(CLI11::CLI11 CLI/CLI.hpp)
# One instruction set, the compiler's: choosing at run time needs Highway's library.
epicrisis_find_headers(PkgConfig::hwy hwy/highway.h HWY_COMPILE_ONLY_STATIC)
# With Gloo's headers several processes train together; LibTorch carries the code. Without them a process is alone.
find_path(EPICRISIS_GLOO_HEADERS gloo/rendezvous/store.h)
# With those of NCCL and a LibTorch for CUDA, gradients of GPUs are summed over NCCL.
find_path(EPICRISIS_NCCL_HEADERS nccl.h)
