#include "storage/resources/resource_store.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "storage/metadata/database.hpp"

namespace epicrisis::storage {
namespace {

constexpr std::string_view kFind =
    "SELECT kind, name, status, created_us, modified_us, document FROM resources WHERE kind = ? AND name = ?";
constexpr std::string_view kAll =
    "SELECT kind, name, status, created_us, modified_us, document FROM resources WHERE kind = ? "
    "ORDER BY created_us, name";
constexpr std::string_view kNextDate =
    "SELECT max(?, coalesce((SELECT max(created_us) + 1 FROM resources WHERE kind = ?), 0))";
constexpr std::string_view kInsert =
    "INSERT INTO resources (kind, name, status, created_us, modified_us, document) VALUES (?, ?, ?, ?, ?, ?)";
constexpr std::string_view kUpdate =
    "UPDATE resources SET status = ?, modified_us = ?, document = ? WHERE kind = ? AND name = ? AND "
    "created_us = ?";
constexpr std::string_view kDelete = "DELETE FROM resources WHERE kind = ? AND name = ? AND created_us = ?";
constexpr std::string_view kTags = "SELECT key, value FROM tags WHERE arn = ? ORDER BY key";
constexpr std::string_view kPutTag =
    "INSERT INTO tags (arn, key, value) VALUES (?, ?, ?) ON CONFLICT (arn, key) DO UPDATE SET value = "
    "excluded.value";
constexpr std::string_view kDeleteTag = "DELETE FROM tags WHERE arn = ? AND key = ?";
constexpr std::string_view kDeleteTags = "DELETE FROM tags WHERE arn = ?";

/// A page: ?1 kind, ?2 part of the name, ?3 status or null, ?4-?7 bounds or null, ?8 and ?9 where the page
/// before ended or null, ?10 limit. {0} is the column sorted by, {1} "<" or ">", {2} "DESC" or "ASC".
constexpr std::string_view kPage =
    "SELECT kind, name, status, created_us, modified_us, document FROM resources WHERE kind = ?1 "
    "AND instr(lower(name), lower(?2)) > 0 AND (?3 IS NULL OR status = ?3) "
    "AND (?4 IS NULL OR created_us > ?4) AND (?5 IS NULL OR created_us < ?5) "
    "AND (?6 IS NULL OR modified_us > ?6) AND (?7 IS NULL OR modified_us < ?7) "
    "AND (?9 IS NULL OR ({0}, name) {1} (?8, ?9)) ORDER BY {0} {2}, name {2} LIMIT ?10";

Result<Resource> resource_of(const Row& row) {
  EPICRISIS_ASSIGN_OR_RETURN(Json document, parse_json(row[5].text(), "a resource's document"));
  return Resource{row[0].text(),    row[1].text(),    row[2].text(),
                  row[3].integer(), row[4].integer(), std::move(document)};
}

Result<std::vector<Resource>> resources_of(const std::vector<Row>& rows) {
  std::vector<Resource> resources;
  for (const Row& row : rows) {
    EPICRISIS_ASSIGN_OR_RETURN(Resource resource, resource_of(row));
    resources.push_back(std::move(resource));
  }
  return resources;
}

std::string_view column_of(ResourceOrder order) {
  switch (order) {
    case ResourceOrder::kCreated:
      return "created_us";
    case ResourceOrder::kName:
      return "name";
    case ResourceOrder::kStatus:
      return "status";
    case ResourceOrder::kModified:
      return "modified_us";
  }
  return "name";
}

/// Numbers are compared as numbers.
SqlValue after_value(const ResourceQuery& query) {
  if (!query.after) return {};
  const bool is_number = query.order == ResourceOrder::kCreated || query.order == ResourceOrder::kModified;
  if (is_number) return SqlValue(std::strtoll(query.after->first.c_str(), nullptr, 10));
  return SqlValue(query.after->first);
}

}  // namespace

Microseconds now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string sort_value(const Resource& resource, ResourceOrder order) {
  switch (order) {
    case ResourceOrder::kCreated:
      return std::to_string(resource.created_us);
    case ResourceOrder::kName:
      return resource.name;
    case ResourceOrder::kStatus:
      return resource.status;
    case ResourceOrder::kModified:
      return std::to_string(resource.modified_us);
  }
  return resource.name;
}

Result<Microseconds> ResourceStore::create(Resource resource, const std::map<std::string, std::string>& tags,
                                           std::string_view arn) {
  return database_.write([&](Transaction& transaction) -> Result<Microseconds> {
    const auto date = transaction.query_one(kNextDate, {now_us(), resource.kind});
    const Microseconds created_us = date->front().integer();
    transaction.execute(kInsert, {resource.kind, resource.name, resource.status, created_us, created_us,
                                  resource.document.dump()});
    for (const auto& [key, value] : tags) transaction.execute(kPutTag, {arn, key, value});
    return created_us;
  });
}

Result<std::optional<Resource>> ResourceStore::find(std::string_view kind, std::string_view name) const {
  return database_.read([&](Transaction& transaction) -> Result<std::optional<Resource>> {
    const std::optional<Row> row = transaction.query_one(kFind, {kind, name});
    if (!row) return std::optional<Resource>();
    EPICRISIS_ASSIGN_OR_RETURN(Resource resource, resource_of(*row));
    return std::optional<Resource>(std::move(resource));
  });
}

Result<bool> ResourceStore::update(std::string_view kind, std::string_view name, Microseconds created_us,
                                   const std::function<bool(Resource&)>& edit) {
  return database_.write([&](Transaction& transaction) -> Result<bool> {
    const std::optional<Row> row = transaction.query_one(kFind, {kind, name});
    if (!row) return false;
    EPICRISIS_ASSIGN_OR_RETURN(Resource resource, resource_of(*row));
    if (resource.created_us != created_us || !edit(resource)) return false;
    return transaction.execute(
               kUpdate, {resource.status, now_us(), resource.document.dump(), kind, name, created_us}) == 1;
  });
}

Result<bool> ResourceStore::remove(std::string_view kind, std::string_view name, Microseconds created_us,
                                   std::string_view arn) {
  return database_.write([&](Transaction& transaction) -> Result<bool> {
    const bool removed = transaction.execute(kDelete, {kind, name, created_us}) == 1;
    if (removed) transaction.execute(kDeleteTags, {arn});
    return removed;
  });
}

Result<std::vector<Resource>> ResourceStore::list(std::string_view kind, const ResourceQuery& query) const {
  const std::string sql = fmt::format(fmt::runtime(kPage), column_of(query.order),
                                      query.descending ? "<" : ">", query.descending ? "DESC" : "ASC");
  return database_.read([&](Transaction& transaction) -> Result<std::vector<Resource>> {
    const SqlValue last_name = query.after ? SqlValue(query.after->second) : SqlValue();
    return resources_of(transaction.query(
        sql, {kind, query.name_contains, query.status, query.created_after, query.created_before,
              query.modified_after, query.modified_before, after_value(query), last_name, query.limit}));
  });
}

Result<std::vector<Resource>> ResourceStore::all(std::string_view kind) const {
  return database_.read([&](Transaction& transaction) -> Result<std::vector<Resource>> {
    return resources_of(transaction.query(kAll, {kind}));
  });
}

Result<std::map<std::string, std::string>> ResourceStore::tags(std::string_view arn) const {
  return database_.read([&](Transaction& transaction) -> Result<std::map<std::string, std::string>> {
    std::map<std::string, std::string> tags;
    for (const Row& row : transaction.query(kTags, {arn})) tags[row[0].text()] = row[1].text();
    return tags;
  });
}

Result<void> ResourceStore::add_tags(std::string_view arn, const std::map<std::string, std::string>& tags) {
  return database_.write([&](Transaction& transaction) -> Result<void> {
    for (const auto& [key, value] : tags) transaction.execute(kPutTag, {arn, key, value});
    return {};
  });
}

Result<void> ResourceStore::remove_tags(std::string_view arn, const std::vector<std::string>& keys) {
  return database_.write([&](Transaction& transaction) -> Result<void> {
    for (const std::string& key : keys) transaction.execute(kDeleteTag, {arn, key});
    return {};
  });
}

}  // namespace epicrisis::storage
