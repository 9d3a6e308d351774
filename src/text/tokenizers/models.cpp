#include "text/tokenizers/models.hpp"

#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/tokenizers/unigram.hpp"

namespace epicrisis {

Result<std::unique_ptr<Model>> read_model(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string type, detail::component_type(component, where));
  if (type == "Unigram") {
    EPICRISIS_ASSIGN_OR_RETURN(UnigramModel model, UnigramModel::read(component, where));
    return std::make_unique<UnigramModel>(std::move(model));
  }
  return detail::unsupported_component(where, fmt::format("the model '{}'", type));
}

}  // namespace epicrisis
