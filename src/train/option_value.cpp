#include "train/option_value.hpp"

namespace epicrisis::train {

Json option_value(const std::string& text) {
  const Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

}  // namespace epicrisis::train
