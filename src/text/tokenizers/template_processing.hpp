#pragma once

#include <memory>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// The post-processor TemplateProcessing: texts and special tokens in a fixed order, one order for a single
/// text and one for a pair. Errors: kCorrupt.
Result<std::unique_ptr<PostProcessor>> read_template_processing(const Json& component,
                                                                std::string_view where);

}  // namespace epicrisis
