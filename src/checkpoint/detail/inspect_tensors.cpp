#include "checkpoint/detail/inspect_tensors.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkpoint/detail/file_tensors.hpp"
#include "checkpoint/detail/printable.hpp"

namespace epicrisis::detail {
namespace {

constexpr std::size_t kMaxListed = 20;

/// Adds `lines` to `list`, the first kMaxListed of them and how many more there are.
void append_some(std::vector<std::string>& list, std::vector<std::string> lines) {
  const std::size_t shown = std::min(lines.size(), kMaxListed);
  const std::size_t more = lines.size() - shown;
  lines.resize(shown);
  list.insert(list.end(), lines.begin(), lines.end());
  if (more != 0) list.push_back(fmt::format("and {} more tensors of this kind", more));
}

/// "encoder.layers.self_attention" for "encoder.layers.3.self_attention.query.weight".
std::string part_of(std::string_view canonical) {
  std::vector<std::string_view> words;
  while (!canonical.empty()) {
    const std::size_t dot = std::min(canonical.find('.'), canonical.size());
    words.push_back(canonical.substr(0, dot));
    canonical.remove_prefix(std::min(dot + 1, canonical.size()));
  }
  if (words.size() > 3 && words[1] == "layers") return fmt::format("{}.layers.{}", words[0], words[3]);
  words.pop_back();
  return fmt::format("{}", fmt::join(words, "."));
}

std::uint64_t element_count(const Parameter& parameter) {
  return static_cast<std::uint64_t>(TensorView{DType::kFloat32, parameter.shape, {}}.element_count());
}

/// A matrix that is multiplied with, not a table that is looked up row by row.
bool is_matrix(const Parameter& parameter) {
  return parameter.shape.size() == 2 && !parameter.canonical.ends_with(".positions.weight") &&
         !parameter.canonical.ends_with(".relative_bias.weight");
}

class Comparison {
 public:
  Comparison(const Weights& weights, const Family& family) : file_(weights, family), family_(family) {}

  void add(const Parameter& parameter, TensorInspection& result) {
    const TensorView* found = nullptr;
    std::vector<std::string_view> names;
    for (const std::string& name : parameter.file_names) {
      const TensorView* const tensor = file_.find(name);
      known_.insert(name);
      if (tensor == nullptr) continue;
      names.push_back(file_.name_here(name));
      // A fused tensor belongs to several parameters, and is told of once.
      if (std::string wrong = mismatch(*tensor, parameter, names.back());
          !wrong.empty() && told_.emplace(names.back()).second) {
        misfits_.push_back(std::move(wrong));
      }
      if (found != nullptr && !is_same(*found, *tensor)) {
        misfits_.push_back(fmt::format("tensors '{}' and '{}' are one matrix in this model, but differ",
                                       names.front(), names.back()));
      }
      found = found == nullptr ? tensor : found;
    }
    const std::string_view first = file_.name_here(parameter.file_names.front());
    if (found == nullptr) {
      if (parameter.optional) {
        absent_.push_back(fmt::format("tensor '{}' is absent; it is computed as the reference does", first));
      } else if (told_.insert(parameter.file_names.front()).second) {
        missing_.push_back(
            fmt::format("tensor '{}' of shape {} is missing", first, shape_to_string(parameter.file_shape)));
      }
      return;
    }
    if (parameter.file_names.size() > 1 && names.size() < parameter.file_names.size()) {
      absent_.push_back(fmt::format("the tied matrix '{}' stands in the file as '{}' only", first,
                                    fmt::join(names, "', '")));
    }
    result.parameters += element_count(parameter);
    result.parameters_by_part[part_of(parameter.canonical)] += element_count(parameter);
  }

  void add_rest(const Weights& weights) {
    for (const auto& [name, tensor] : weights.tensors()) {
      const std::string full_name = file_.full_name(name);
      if (known_.contains(full_name) || known_.contains(name)) continue;
      if (family_.is_ignored(full_name)) {
        ignored_.push_back(
            fmt::format("tensor '{}' is ignored, as the reference ignores it", printable(name)));
      } else {
        unexpected_.push_back(fmt::format("tensor '{}' of shape {} has no place in this model",
                                          printable(name), shape_to_string(tensor.shape)));
      }
    }
  }

  void report(Findings& findings) && {
    append_some(findings.problems, std::move(missing_));
    append_some(findings.problems, std::move(misfits_));
    append_some(findings.problems, std::move(unexpected_));
    append_some(findings.remarks, std::move(absent_));
    append_some(findings.remarks, std::move(ignored_));
  }

 private:
  FileTensors file_;
  const Family& family_;
  std::set<std::string, std::less<>> known_;
  std::set<std::string, std::less<>> told_;
  std::vector<std::string> missing_;
  std::vector<std::string> misfits_;
  std::vector<std::string> unexpected_;
  std::vector<std::string> absent_;
  std::vector<std::string> ignored_;
};

}  // namespace

TensorInspection inspect_tensors(const Weights& weights, const Family& family,
                                 const Architecture& architecture, Findings& findings) {
  TensorInspection result;
  std::set<std::string_view> weight_types;
  for (const auto& [name, tensor] : weights.tensors()) {
    TensorInspection::Stored& stored = result.stored[tensor.dtype];
    ++stored.tensors;
    stored.bytes += tensor.data.size();
    if (is_floating_point(tensor.dtype)) weight_types.insert(to_string(tensor.dtype));
  }
  if (weight_types.size() > 1) {
    findings.remarks.push_back(fmt::format("weights of several types: {}", fmt::join(weight_types, ", ")));
  }
  Comparison comparison(weights, family);
  for (const Parameter& parameter : family.parameters(architecture)) comparison.add(parameter, result);
  comparison.add_rest(weights);
  std::move(comparison).report(findings);
  return result;
}

MemoryEstimate estimate_memory(const Family& family, const Architecture& a) {
  MemoryEstimate memory;
  for (const Parameter& parameter : family.parameters(a)) {
    const std::uint64_t count = element_count(parameter);
    memory.float32_bytes += 4 * count;
    memory.bfloat16_bytes += (is_matrix(parameter) ? 2 : 4) * count;
    memory.int8_bytes +=
        is_matrix(parameter) ? count + 4 * static_cast<std::uint64_t>(parameter.shape[0]) : 4 * count;
  }
  constexpr std::uint64_t kTokens = 1000;
  constexpr std::uint64_t kKeysAndValues = 2;
  const std::uint64_t width =
      static_cast<std::uint64_t>(a.decoder.heads) * static_cast<std::uint64_t>(a.head_dim);
  memory.self_attention_cache_bytes =
      kTokens * kKeysAndValues * sizeof(float) * width * static_cast<std::uint64_t>(a.decoder.layers);
  if (a.topology == Topology::kEncoderDecoder) {
    memory.cross_attention_cache_bytes = memory.self_attention_cache_bytes;
  }
  return memory;
}

}  // namespace epicrisis::detail
