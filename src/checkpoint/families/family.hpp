#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "checkpoint/architecture.hpp"

namespace epicrisis {

/// The elements of a file's tensor that make up one parameter, where it is not that whole tensor in the same
/// order (transposed, or fused with others): row-major element (r, c) of the parameter is the file's element
/// offset + r * row_stride + c * column_stride.
struct FilePart {
  std::int64_t offset = 0;
  std::int64_t rows = 1;
  std::int64_t columns = 0;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;

  /// Whether the elements follow each other in the file, so that a view will do.
  bool is_contiguous() const noexcept { return column_stride == 1 && (rows == 1 || row_stride == columns); }
};

/// One parameter of a model: its canonical name and shape (weights.hpp), and how the family's files have it.
struct Parameter {
  std::string canonical;
  std::vector<std::int64_t> shape;
  /// Names in the family's files. Several when the reference ties modules to one matrix: any of them may
  /// stand in a file, and those that do must be equal. The first is the one written.
  std::vector<std::string> file_names;
  std::vector<std::int64_t> file_shape;  ///< Of the whole tensor in the file.
  bool optional = false;                 ///< The reference computes it when the file lacks it.
  /// Absent: the whole tensor, its elements in the same order. The parts of one tensor are disjoint and cover
  /// it.
  std::optional<FilePart> part = {};
};

/// An option of config.json that must have this value or be absent: another would change the result.
struct RequiredOption {
  std::string_view key;
  std::string_view value;  ///< As JSON.
};

/// A model family as data. A family is one file beside this one and one line in family.cpp.
struct Family {
  std::string_view model_type;  ///< `model_type` of config.json.
  /// Prefix of the names when the whole model was saved; files of the bare base model lack it ("model.").
  std::string_view base_prefix;
  /// Beside those that hold for every model; see unsupported_options().
  std::span<const RequiredOption> required_options;
  /// Precondition: no unsupported_options(). Errors: kCorrupt, kUnsupported naming the key of config.json.
  Result<Architecture> (*read_architecture)(const Json& config);
  /// Every parameter of a model of this architecture.
  std::vector<Parameter> (*parameters)(const Architecture& architecture);
  /// Whether the reference reads past a tensor of this name without using it.
  bool (*is_ignored)(std::string_view file_name);
  /// Labels shifted to the right start with the last of them, the target's language, instead of
  /// decoder_start_token_id (shift_tokens_right() of modeling_mbart.py).
  bool last_label_starts_decoder = false;
};

/// Null for a family this build does not know.
const Family* find_family(std::string_view model_type);

/// What the decoder reads first where it is given the labels (teacher forcing). Absent: the last label.
std::optional<TokenId> teacher_forcing_start(const Architecture& architecture);

/// A kUnsupported Error naming the key for each option of `config` that would change what is computed, of
/// those any model of the reference may have and those of `family`.
std::vector<Error> unsupported_options(const Json& config, const Family& family);

/// The known model types, sorted, for errors: "bart, pegasus".
std::string known_families();

}  // namespace epicrisis
