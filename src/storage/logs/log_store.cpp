#include "storage/logs/log_store.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "storage/metadata/database.hpp"

namespace epicrisis::storage {
namespace {

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<std::int64_t> optional_integer(const SqlValue& value) {
  if (value.is_null()) return std::nullopt;
  return value.integer();
}

Result<std::int64_t> stream_id(Transaction& transaction, const std::string& group,
                               const std::string& stream) {
  const auto row =
      transaction.query_one("SELECT id FROM streams WHERE log_group = ? AND name = ?", {group, stream});
  if (row) return (*row)[0].integer();
  return Error{ErrorCode::kNotFound, "The specified log stream does not exist.", ""};
}

Result<std::int64_t> make_stream(Transaction& transaction, const std::string& group,
                                 const std::string& stream) {
  transaction.execute("INSERT OR IGNORE INTO streams (log_group, name, created_ms) VALUES (?, ?, ?)",
                      {group, stream, now_ms()});
  return stream_id(transaction, group, stream);
}

bool begins_with(const std::string& text, const std::string& prefix) { return text.starts_with(prefix); }

}  // namespace

Result<void> LogStore::create_stream(const std::string& group, const std::string& stream) {
  return database_.write([&](Transaction& transaction) -> Result<void> {
    const auto made = make_stream(transaction, group, stream);
    if (!made) return made.error();
    return {};
  });
}

Result<void> LogStore::append(const std::string& group, const std::string& stream,
                              const std::vector<std::string>& lines) {
  if (lines.empty()) return {};
  return database_.write([&](Transaction& transaction) -> Result<void> {
    EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t id, make_stream(transaction, group, stream));
    const auto last = transaction.query_one("SELECT max(number) FROM events WHERE stream = ?", {id});
    std::int64_t number = (*last)[0].integer();
    const std::int64_t now = now_ms();
    for (const std::string& line : lines) {
      transaction.execute(
          "INSERT INTO events (stream, number, timestamp_ms, ingestion_ms, message) VALUES (?, ?, ?, ?, ?)",
          {id, ++number, now, now, line});
    }
    transaction.execute(
        "UPDATE streams SET first_event_ms = coalesce(first_event_ms, ?), last_event_ms = ?, "
        "last_ingestion_ms = ? "
        "WHERE id = ?",
        {now, now, now, id});
    return {};
  });
}

Result<std::vector<LogGroup>> LogStore::list_groups(const std::string& prefix) const {
  return database_.read([&](Transaction& transaction) -> Result<std::vector<LogGroup>> {
    std::vector<LogGroup> groups;
    for (const Row& row : transaction.query(
             "SELECT log_group, min(created_ms) FROM streams GROUP BY log_group ORDER BY log_group")) {
      if (begins_with(row[0].text(), prefix)) groups.push_back({row[0].text(), row[1].integer()});
    }
    return groups;
  });
}

Result<std::vector<LogStream>> LogStore::list_streams(const std::string& group,
                                                      const std::string& prefix) const {
  return database_.read([&](Transaction& transaction) -> Result<std::vector<LogStream>> {
    const auto rows = transaction.query(
        "SELECT name, created_ms, first_event_ms, last_event_ms, last_ingestion_ms FROM streams "
        "WHERE log_group = ? ORDER BY name",
        {group});
    if (rows.empty()) return Error{ErrorCode::kNotFound, "The specified log group does not exist.", ""};
    std::vector<LogStream> streams;
    for (const Row& row : rows) {
      if (!begins_with(row[0].text(), prefix)) continue;
      streams.push_back({row[0].text(), row[1].integer(), optional_integer(row[2]), optional_integer(row[3]),
                         optional_integer(row[4])});
    }
    return streams;
  });
}

Result<std::vector<LogEvent>> LogStore::events(const std::string& group, const std::string& stream,
                                               const LogQuery& query) const {
  constexpr std::string_view kForward =
      "SELECT number, timestamp_ms, ingestion_ms, message FROM events WHERE stream = ? AND number > ? AND "
      "number < ? "
      "AND timestamp_ms >= ? AND timestamp_ms < ? ORDER BY number LIMIT ?";
  constexpr std::string_view kBackward =
      "SELECT number, timestamp_ms, ingestion_ms, message FROM events WHERE stream = ? AND number > ? AND "
      "number < ? "
      "AND timestamp_ms >= ? AND timestamp_ms < ? ORDER BY number DESC LIMIT ?";
  constexpr std::int64_t kEver = std::numeric_limits<std::int64_t>::max();
  return database_.read([&](Transaction& transaction) -> Result<std::vector<LogEvent>> {
    EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t id, stream_id(transaction, group, stream));
    std::vector<LogEvent> events;
    for (const Row& row :
         transaction.query(query.from_end ? kBackward : kForward,
                           {id, query.after, query.before.value_or(kEver), query.start_ms.value_or(0),
                            query.end_ms.value_or(kEver), query.limit})) {
      events.push_back({stream, row[0].integer(), row[1].integer(), row[2].integer(), row[3].text()});
    }
    if (query.from_end) std::reverse(events.begin(), events.end());
    return events;
  });
}

Result<void> LogStore::remove(const std::string& group, const std::string& stream) {
  return database_.write([&](Transaction& transaction) -> Result<void> {
    transaction.execute(
        "DELETE FROM events WHERE stream IN (SELECT id FROM streams WHERE log_group = ? AND (? = '' OR name "
        "= ?))",
        {group, stream, stream});
    transaction.execute("DELETE FROM streams WHERE log_group = ? AND (? = '' OR name = ?)",
                        {group, stream, stream});
    return {};
  });
}

}  // namespace epicrisis::storage
