#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::api {

/// What a text member may hold.
struct TextRule {
  std::size_t min_length = 0;
  std::size_t max_length = std::numeric_limits<std::size_t>::max();
  std::string_view pattern = {};                ///< As the service words it in its refusal.
  bool (*matches)(std::string_view) = nullptr;  ///< Whether a text follows `pattern`; null: all do.
};

/// `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}`: how resources are named.
extern const TextRule kNameRule;
/// An ARN of a role.
extern const TextRule kRoleArnRule;
/// `(https|s3)://([^/]+)/?(.*)`.
extern const TextRule kUriRule;
bool is_resource_name(std::string_view text) noexcept;

/// Reads the members of a request of an AWS JSON service and collects what is wrong with them. A value is
/// never repeated in a refusal: a note may stand where a name belongs. Absent and null are the same.
class RequestReader {
 public:
  /// `object` outlives the reader and those made from it.
  explicit RequestReader(const Json& object);

  bool has(std::string_view member) const;
  std::optional<std::string> text(std::string_view member, const TextRule& rule = {}) const;
  std::optional<std::int64_t> integer(std::string_view member, std::int64_t min, std::int64_t max) const;
  std::optional<double> number(std::string_view member, double min) const;
  std::optional<bool> flag(std::string_view member) const;
  /// The value if it is one of `values`.
  std::optional<std::string> one_of(std::string_view member,
                                    const std::vector<std::string_view>& values) const;
  /// Text to text.
  std::map<std::string, std::string> text_map(std::string_view member, std::size_t max_value_length) const;
  std::vector<std::string> text_list(std::string_view member) const;
  std::optional<RequestReader> object(std::string_view member) const;
  std::vector<RequestReader> objects(std::string_view member, std::size_t max_count) const;

  /// The same for a member that must be there; an empty value stands for one that is not.
  std::string required_text(std::string_view member, const TextRule& rule = {}) const;
  std::int64_t required_integer(std::string_view member, std::int64_t min, std::int64_t max) const;
  RequestReader required_object(std::string_view member) const;
  std::vector<RequestReader> required_objects(std::string_view member, std::size_t max_count) const;

  /// Adds a refusal: "Value '…' at 'member' failed to satisfy constraint: <constraint>".
  void refuse(std::string_view member, std::string_view constraint, bool is_null = false) const;
  /// Success, or all refusals in one: kInvalidArgument; kCorrupt for a member of a wrong type.
  Result<void> check() const;
  const Json& json() const noexcept { return *object_; }

 private:
  struct Findings;
  RequestReader(const Json& object, std::string path, std::shared_ptr<Findings> findings);
  const Json* find(std::string_view member) const;
  const Json* required(std::string_view member) const;
  void wrong_type(std::string_view member, std::string_view expected) const;
  std::string path_of(std::string_view member) const;

  const Json* object_;
  std::string path_;
  std::shared_ptr<Findings> findings_;
};

}  // namespace epicrisis::api
