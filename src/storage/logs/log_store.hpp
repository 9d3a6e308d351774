#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::storage {

class Database;

struct LogGroup {
  std::string name;
  std::int64_t created_ms = 0;
};

struct LogStream {
  std::string name;
  std::int64_t created_ms = 0;
  std::optional<std::int64_t> first_event_ms;
  std::optional<std::int64_t> last_event_ms;
  std::optional<std::int64_t> last_ingestion_ms;
};

struct LogEvent {
  std::string stream;
  std::int64_t number = 0;  ///< Counts the events of a stream from 1.
  std::int64_t timestamp_ms = 0;
  std::int64_t ingestion_ms = 0;
  std::string message;
};

/// Which events of a stream, in order of number. Times are inclusive at the start, exclusive at the end.
struct LogQuery {
  std::optional<std::int64_t> start_ms;
  std::optional<std::int64_t> end_ms;
  std::int64_t after = 0;              ///< Only events with a higher number.
  std::optional<std::int64_t> before;  ///< Only events with a lower number.
  bool from_end = false;               ///< The last `limit` ones instead of the first; still in order.
  std::size_t limit = 10'000;
};

/// What jobs and endpoints wrote, a line an event, by group and stream. Thread-safe. `database` holds the
/// schema logs_migrations() and outlives the store.
class LogStore {
 public:
  explicit LogStore(Database& database) : database_(database) {}

  /// Makes the stream where it is missing. Lines have the time of the call. Nothing may be in them that must
  /// not be read by who may read logs.
  Result<void> append(const std::string& group, const std::string& stream,
                      const std::vector<std::string>& lines);
  Result<void> create_stream(const std::string& group, const std::string& stream);
  Result<std::vector<LogGroup>> list_groups(const std::string& prefix) const;
  /// Errors: kNotFound when the group has no stream at all.
  Result<std::vector<LogStream>> list_streams(const std::string& group, const std::string& prefix) const;
  /// Errors: kNotFound for the group or stream.
  Result<std::vector<LogEvent>> events(const std::string& group, const std::string& stream,
                                       const LogQuery& query) const;
  /// Removes a stream with its events; all of a group when `stream` is empty.
  Result<void> remove(const std::string& group, const std::string& stream);

 private:
  Database& database_;
};

}  // namespace epicrisis::storage
