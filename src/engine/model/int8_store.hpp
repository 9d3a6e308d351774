#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "checkpoint/tensor.hpp"
#include "engine/float_buffer.hpp"
#include "engine/kernels/int8_matmul.hpp"
#include "engine/model/int8_cache.hpp"
#include "engine/thread_team.hpp"

namespace epicrisis::engine {

/// The int8 matrices of a model, in one piece of memory: a mapped file of an earlier load, or computed.
/// Layout: matrix after matrix weights, scales, offsets (kernels::Int8Panels), each a multiple of 64 bytes.
class Int8Store {
 public:
  /// Below this a model is quantised about as fast as its cache is opened.
  static constexpr std::size_t kSmallestCachedBytes = std::size_t{32} << 20;

  /// Announces a matrix [out, in]. What is returned stays where it is, and is filled in by fill().
  const kernels::Int8Panels* add(const std::string& name, const TensorView& tensor);

  /// Maps or computes all matrices. With a `folder`, that of the model, what is computed is kept there or in
  /// the user's cache for the next time, if it has `smallest_cached` bytes; never an error. Throws
  /// std::bad_alloc.
  void fill(const std::filesystem::path& folder, ThreadTeam& team,
            std::size_t smallest_cached = kSmallestCachedBytes);

  bool is_mapped() const noexcept { return file_.has_value(); }

 private:
  struct Matrix {
    std::string name;
    TensorView tensor;
    kernels::Int8Panels panels;
    std::size_t offset = 0;
  };

  std::string key(const std::filesystem::path& folder) const;
  void compute(ThreadTeam& team);
  void place(const std::byte* memory) noexcept;

  std::deque<Matrix> matrices_;  // a deque: it never moves what it holds
  std::size_t size_bytes_ = 0;
  FloatBuffer memory_;
  std::optional<Int8CacheFile> file_;
};

}  // namespace epicrisis::engine
