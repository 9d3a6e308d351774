#include "hub/repository_name.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hub/detail/text.hpp"

namespace epicrisis {
namespace {

bool is_repository_part(std::string_view part) {
  constexpr std::size_t kMaxPart = 96;
  return !part.empty() && part.size() <= kMaxPart && part.front() != '.' && part.front() != '-' &&
         part.find("..") == std::string_view::npos && std::all_of(part.begin(), part.end(), [](char c) {
           return detail::is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

/// Git's rules for names of references, as far as a URL and a log line care.
bool is_revision(std::string_view text) {
  constexpr std::size_t kMaxRevision = 255;
  return !text.empty() && text.size() <= kMaxRevision && text.front() != '-' && text.front() != '/' &&
         text.find("..") == std::string_view::npos && std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c <= '~' && std::string_view("\\^:?*[").find(c) == std::string_view::npos;
         });
}

}  // namespace

std::string RepositoryName::own_name() const { return repo.substr(repo.rfind('/') + 1); }

Result<RepositoryName> parse_repository_name(std::string_view text) {
  const std::size_t at = text.find('@');
  RepositoryName parsed;
  parsed.repo = text.substr(0, at);
  const std::string_view repo = parsed.repo;
  const std::size_t slash = repo.find('/');
  const bool has_org = slash != std::string_view::npos;
  if (!is_repository_part(has_org ? repo.substr(slash + 1) : repo) ||
      (has_org && !is_repository_part(repo.substr(0, slash)))) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} is no repository of a hub; give ORG/NAME or ORG/NAME@REVISION.",
                             detail::in_quotes(repo)),
                 ""};
  }
  if (at == std::string_view::npos) return parsed;
  parsed.revision = text.substr(at + 1);
  if (is_revision(parsed.revision)) return parsed;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} is no revision; give a branch, a tag or a commit after the '@'.",
                           detail::in_quotes(parsed.revision)),
               ""};
}

}  // namespace epicrisis
