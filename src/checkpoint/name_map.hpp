#pragma once

#include <string_view>

#include "base/result.hpp"
#include "checkpoint/families/family.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis {

/// The tensors of a weight file under canonical names, each checked against `architecture`. Shares the bytes
/// of `file_weights`, except for parameters that are scattered over their tensor (FilePart): those are
/// copied. `what` names the file in errors. Errors: kCorrupt naming a tensor that is missing, that the model
/// has no place for, whose shape disagrees (with both shapes) or whose tied copies differ; kUnsupported for
/// weights that are not F32, F16 or BF16.
Result<Weights> to_canonical(const Weights& file_weights, const Family& family,
                             const Architecture& architecture, std::string_view what);

/// The inverse: tensors under the family's own names and shapes, tied ones once. Shares the bytes of
/// `canonical`, except for tensors that are put together from parts. Errors: kInvalidArgument naming a tensor
/// that is missing, unknown, of another shape, or of another element type than the rest of its tensor.
Result<Weights> to_file_names(const Weights& canonical, const Family& family,
                              const Architecture& architecture);

}  // namespace epicrisis
