#include "engine/model/int8_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/sha256.hpp"

namespace epicrisis::engine {
namespace {

std::size_t weights_bytes(const kernels::Int8Panels& panels) {
  return static_cast<std::size_t>(kernels::panel_count(panels.out)) *
         static_cast<std::size_t>(kernels::panel_depth(panels.in)) * kernels::kPanelOutputs *
         kernels::kPanelInputs;
}

// Of the scales, and of the offsets.
std::size_t channels_bytes(const kernels::Int8Panels& panels) {
  return static_cast<std::size_t>(kernels::panel_count(panels.out)) * kernels::kPanelOutputs * sizeof(float);
}

// The first and last bytes of a tensor: weights that were trained further differ in them. More would bring
// more of the checkpoint into memory, which nothing else reads.
void update_with_ends(Sha256& hash, std::span<const std::byte> data) {
  constexpr std::size_t kEndBytes = 64;
  const std::size_t count = std::min(kEndBytes, data.size());
  hash.update(data.first(count)).update(data.last(count));
}

// One panel of a matrix, and the memory it is computed in.
struct PanelScratch {
  std::vector<float> rows;
  std::vector<std::uint8_t> bytes;
};

void compute_panel(const TensorView& tensor, const kernels::Int8Panels& to, int panel, PanelScratch& scratch,
                   std::byte* memory) {
  const int first = panel * kernels::kPanelOutputs;
  const int count = std::min(kernels::kPanelOutputs, to.out - first);
  const std::size_t row_bytes = static_cast<std::size_t>(to.in) * size_bytes(tensor.dtype);
  const TensorView rows{tensor.dtype,
                        {count, to.in},
                        tensor.data.subspan(static_cast<std::size_t>(first) * row_bytes,
                                            static_cast<std::size_t>(count) * row_bytes)};
  const std::span<float> values =
      std::span(scratch.rows).first(static_cast<std::size_t>(count) * static_cast<std::size_t>(to.in));
  widen_to_float32(rows, values);
  const auto panel_bytes =
      static_cast<std::size_t>(kernels::panel_depth(to.in)) * kernels::kPanelOutputs * kernels::kPanelInputs;
  auto* scales = reinterpret_cast<float*>(memory + weights_bytes(to));
  auto* offsets = reinterpret_cast<std::int32_t*>(memory + weights_bytes(to) + channels_bytes(to));
  kernels::pack_int8_panel(
      values.data(), count, to.in,
      reinterpret_cast<std::int8_t*>(memory + static_cast<std::size_t>(panel) * panel_bytes), scales + first,
      offsets + first, scratch.bytes.data());
}

}  // namespace

const kernels::Int8Panels* Int8Store::add(const std::string& name, const TensorView& tensor) {
  Matrix matrix{name, tensor, {}, size_bytes_};
  matrix.panels.out = static_cast<int>(tensor.shape[0]);
  matrix.panels.in = static_cast<int>(tensor.shape[1]);
  size_bytes_ += weights_bytes(matrix.panels) + 2 * channels_bytes(matrix.panels);
  matrices_.push_back(std::move(matrix));
  return &matrices_.back().panels;
}

void Int8Store::fill(const std::filesystem::path& folder, ThreadTeam& team, std::size_t smallest_cached) {
  const bool is_cached = !folder.empty() && size_bytes_ >= smallest_cached;
  const std::string cache_key = is_cached ? key(folder) : std::string();
  std::vector<std::filesystem::path> paths;
  if (!cache_key.empty()) {
    paths = int8_cache_paths(folder, cache_key);
    file_ = Int8CacheFile::open(paths, cache_key, size_bytes_, team);
  }
  if (!file_) {
    compute(team);
    const std::span<const std::byte> computed =
        std::as_bytes(std::span(memory_.data(), size_bytes_ / sizeof(float)));
    if (!cache_key.empty()) file_ = Int8CacheFile::write(paths, cache_key, computed, team);
  }
  place(file_ ? file_->matrices().data() : reinterpret_cast<const std::byte*>(memory_.data()));
  if (file_) memory_ = FloatBuffer();
}

// Empty when the state of the weights cannot be told: then nothing is cached.
std::string Int8Store::key(const std::filesystem::path& folder) const {
  const std::string identity = weight_files_identity(folder);
  if (identity.empty()) return {};
  Sha256 hash;
  hash.update("epicrisis int8 2\n").update(identity);
  for (const Matrix& matrix : matrices_) {
    hash.update(fmt::format("{} {} {}\n", matrix.name, to_string(matrix.tensor.dtype),
                            shape_to_string(matrix.tensor.shape)));
    update_with_ends(hash, matrix.tensor.data);
  }
  return hash.hex();
}

void Int8Store::compute(ThreadTeam& team) {
  auto* memory = reinterpret_cast<std::byte*>(memory_.ensure(size_bytes_ / sizeof(float)));
  std::size_t widest = 0;
  for (const Matrix& matrix : matrices_)
    widest = std::max(widest, static_cast<std::size_t>(kernels::panel_depth(matrix.panels.in)));
  const std::size_t elements = widest * kernels::kPanelInputs * kernels::kPanelOutputs;
  std::vector<PanelScratch> scratch(static_cast<std::size_t>(team.size()));
  for (PanelScratch& of_worker : scratch) {
    of_worker.rows.resize(elements);
    of_worker.bytes.resize(elements);
  }
  for (const Matrix& matrix : matrices_) {
    const kernels::Int8Panels& panels = matrix.panels;
    team.run(kernels::panel_count(panels.out), std::int64_t{panels.out} * panels.in,
             [&](int panel, int worker) noexcept {
               compute_panel(matrix.tensor, panels, panel, scratch[static_cast<std::size_t>(worker)],
                             memory + matrix.offset);
             });
  }
}

void Int8Store::place(const std::byte* memory) noexcept {
  for (Matrix& matrix : matrices_) {
    kernels::Int8Panels& panels = matrix.panels;
    const std::byte* weights = memory + matrix.offset;
    const std::byte* scales = weights + weights_bytes(panels);
    panels.weights = reinterpret_cast<const std::int8_t*>(weights);
    panels.scales = reinterpret_cast<const float*>(scales);
    panels.offsets = reinterpret_cast<const std::int32_t*>(scales + channels_bytes(panels));
  }
}

}  // namespace epicrisis::engine
