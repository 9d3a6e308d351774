#pragma once

#include <string>
#include <utility>
#include <vector>

#include "checkpoint/families/family.hpp"

namespace epicrisis {

/// Collects the parameters of a family.
class ParameterList {
 public:
  /// A tensor that files hold as it is. The reference is valid until the next addition.
  Parameter& add(std::string canonical, std::string file_name, std::vector<std::int64_t> shape) {
    return list_.emplace_back(
        Parameter{std::move(canonical), shape, {std::move(file_name)}, shape, false, std::nullopt});
  }

  /// A matrix [out, in] and, with `bias`, its bias [out].
  void add_linear(const std::string& canonical, const std::string& file_name, std::int64_t out,
                  std::int64_t in, bool bias) {
    add(canonical + ".weight", file_name + ".weight", {out, in});
    if (bias) add(canonical + ".bias", file_name + ".bias", {out});
  }

  /// A weight [width] and, with `bias`, a bias [width].
  void add_norm(const std::string& canonical, const std::string& file_name, std::int64_t width, bool bias) {
    add(canonical + ".weight", file_name + ".weight", {width});
    if (bias) add(canonical + ".bias", file_name + ".bias", {width});
  }

  /// The shared embedding, which stands in files under any of `file_names`, and the output projection
  /// `output_name`: one more name of that matrix when tied, else a matrix of its own.
  void add_embedding(const Architecture& a, std::vector<std::string> file_names, std::string output_name) {
    Parameter& shared =
        add("shared_embedding.weight", file_names.front(), {std::int64_t{a.vocab_size}, a.d_model});
    if (a.tied_output) file_names.push_back(output_name);
    shared.file_names = std::move(file_names);
    if (!a.tied_output) add("output.weight", std::move(output_name), {a.vocab_size, a.d_model});
  }

  std::vector<Parameter> take() && { return std::move(list_); }

 private:
  std::vector<Parameter> list_;
};

}  // namespace epicrisis
