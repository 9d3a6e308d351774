#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/compute_type.hpp"

namespace epicrisis::kernels {

// Loops that do nothing but what a processor is limited by: measurements, not products.

/// Multiplies and adds in registers only, with the widest instructions that products of `type` use here, and
/// returns how many operations it did (a multiplication and its addition are two). `sink` receives something
/// that depends on all of them.
double multiply_in_registers(ComputeType type, int rounds, std::uint64_t& sink) noexcept;

/// Reads all of `bytes`, a multiple of 4096, in order; `prefetch_bytes` ahead of itself, or without where
/// that is 0. Returns something that depends on all of them.
std::uint64_t read_in_order(std::span<const std::byte> bytes, std::ptrdiff_t prefetch_bytes) noexcept;

/// multiply_in_registers() with AVX512_VNNI or AVX512_BF16, which the processor must have.
double multiply_int8_vnni(int rounds, std::uint64_t& sink) noexcept;
double multiply_bfloat16_avx512(int rounds, std::uint64_t& sink) noexcept;

}  // namespace epicrisis::kernels
