#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

/// A repository of a hub, as people name it: "google/flan-t5-small", "gpt2@refs/pr/3".
struct RepositoryName {
  std::string repo;
  std::string revision = "main";

  /// "flan-t5-small": the last part, which a model is stored under when no other name is given.
  std::string own_name() const;
};

/// Reads "ORG/NAME", "NAME" or either with "@REVISION". Errors: kInvalidArgument saying what is wrong.
Result<RepositoryName> parse_repository_name(std::string_view text);

}  // namespace epicrisis
