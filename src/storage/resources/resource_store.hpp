#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::storage {

class Database;

/// Microseconds since 1970: how creation and change are dated.
using Microseconds = std::int64_t;
Microseconds now_us();

/// Anything that has a kind, a name and a status: models, endpoints, jobs. What else there is to know stands
/// in the document. `created_us` is also its identity: it tells a resource from a later one of the same name.
struct Resource {
  std::string kind;
  std::string name;
  std::string status;
  Microseconds created_us = 0;
  Microseconds modified_us = 0;
  Json document = Json::object();
};

enum class ResourceOrder { kCreated, kName, kStatus, kModified };

/// Which resources to list. Bounds are exclusive.
struct ResourceQuery {
  std::string name_contains;
  std::optional<std::string> status;
  std::optional<Microseconds> created_after, created_before, modified_after, modified_before;
  ResourceOrder order = ResourceOrder::kCreated;
  bool descending = false;
  std::size_t limit = 100;
  /// Where the page before ended: the value sorted by, and the name. Pages neither repeat nor lose what was
  /// there all the time.
  std::optional<std::pair<std::string, std::string>> after;
};

/// The value of `resource` that `order` sorts by, as `ResourceQuery::after` takes it.
std::string sort_value(const Resource& resource, ResourceOrder order);

/// Resources and their tags. Thread-safe; calls may block on the disk.
class ResourceStore {
 public:
  /// `database` outlives the store.
  explicit ResourceStore(Database& database) : database_(database) {}

  /// Adds it, dated now, and returns that date. No two are created at the same microsecond. Errors: kConflict
  /// when there is one of that kind and name: of several at once, one wins.
  Result<Microseconds> create(Resource resource, const std::map<std::string, std::string>& tags,
                              std::string_view arn);
  Result<std::optional<Resource>> find(std::string_view kind, std::string_view name) const;
  /// Changes status and document of the very resource in one transaction; false, and nothing changes, when it
  /// is gone or `edit` returns false.
  Result<bool> update(std::string_view kind, std::string_view name, Microseconds created_us,
                      const std::function<bool(Resource&)>& edit);
  /// False when it is gone already. Its tags go too.
  Result<bool> remove(std::string_view kind, std::string_view name, Microseconds created_us,
                      std::string_view arn);
  Result<std::vector<Resource>> list(std::string_view kind, const ResourceQuery& query) const;
  /// All of a kind, in order of creation.
  Result<std::vector<Resource>> all(std::string_view kind) const;

  Result<std::map<std::string, std::string>> tags(std::string_view arn) const;
  Result<void> add_tags(std::string_view arn, const std::map<std::string, std::string>& tags);
  Result<void> remove_tags(std::string_view arn, const std::vector<std::string>& keys);

 private:
  Database& database_;
};

}  // namespace epicrisis::storage
