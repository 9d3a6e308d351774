#include "api/aws/logs_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/aws/front.hpp"
#include "storage/logs/log_store.hpp"

namespace epicrisis::api::aws {
namespace {

using storage::LogEvent;
using storage::LogStore;
using storage::LogStream;

constexpr std::size_t kMaxStreams = 50;
constexpr std::size_t kMaxEvents = 10'000;

Fault invalid(std::string message) { return {400, "InvalidParameterException", std::move(message)}; }

Fault fault(const Error& error) {
  if (error.code == ErrorCode::kNotFound) return {400, "ResourceNotFoundException", error.public_message};
  return fault_of(error);
}

std::string text(const Json& input, const char* name) { return input.value(name, std::string()); }

std::optional<std::int64_t> number(const Json& input, const char* name) {
  const auto member = input.find(name);
  if (member == input.end() || member->is_null()) return std::nullopt;
  return member->get<std::int64_t>();
}

std::optional<std::size_t> limit_of(const Json& input, std::size_t most, std::size_t fallback) {
  const std::int64_t limit = number(input, "limit").value_or(static_cast<std::int64_t>(fallback));
  if (limit < 1 || limit > static_cast<std::int64_t>(most)) return std::nullopt;
  return static_cast<std::size_t>(limit);
}

std::string group_arn(const Call& call, const std::string& group) {
  return fmt::format("arn:aws:logs:{}:{}:log-group:{}", call.region, call.account_id, group);
}

/// A token names the place of an event in its stream: "f/<number>" or "b/<number>".
std::string token(char direction, std::int64_t place) { return fmt::format("{}/{:056}", direction, place); }

std::optional<std::pair<char, std::int64_t>> parse_token(const std::string& token) {
  if (token.size() != 58 || token[1] != '/' || (token[0] != 'f' && token[0] != 'b')) return std::nullopt;
  std::int64_t place = 0;
  const char* const end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data() + 2, end, place);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return std::pair(token[0], place);
}

Json event_json(const LogEvent& event) {
  return {
      {"timestamp", event.timestamp_ms}, {"message", event.message}, {"ingestionTime", event.ingestion_ms}};
}

/// Simple patterns: every word, or "quoted phrase", has to occur; "-word" must not.
bool matches(const std::string& pattern, const std::string& message) {
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == ' ') {
      ++at;
      continue;
    }
    const bool excluded = pattern[at] == '-';
    if (excluded) ++at;
    const bool is_quoted = at < pattern.size() && pattern[at] == '"';
    const std::size_t begin = at + (is_quoted ? 1 : 0);
    const std::size_t end = std::min(pattern.find(is_quoted ? '"' : ' ', begin), pattern.size());
    const bool found = message.find(pattern.substr(begin, end - begin)) != std::string::npos;
    if (found == excluded) return false;
    at = end + 1;
  }
  return true;
}

JsonReply describe_groups(const LogStore& logs, const Json& input, Call& call) {
  const auto groups = logs.list_groups(text(input, "logGroupNamePrefix"));
  if (!groups) return fault(groups.error());
  const auto limit = limit_of(input, 50, 50);
  if (!limit) return invalid("limit is out of range.");
  const std::string after = text(input, "nextToken");
  Json list = Json::array();
  Json reply;
  for (const storage::LogGroup& group : *groups) {
    if (!after.empty() && group.name <= after) continue;
    if (list.size() == *limit) {
      reply["nextToken"] = list.back()["logGroupName"];
      break;
    }
    list.push_back({{"logGroupName", group.name},
                    {"creationTime", group.created_ms},
                    {"arn", group_arn(call, group.name) + ":*"},
                    {"metricFilterCount", 0}});
  }
  reply["logGroups"] = std::move(list);
  return reply;
}

Json stream_json(const LogStream& stream, const std::string& group, const Call& call) {
  Json entry{{"logStreamName", stream.name},
             {"creationTime", stream.created_ms},
             {"arn", fmt::format("{}:log-stream:{}", group_arn(call, group), stream.name)},
             {"storedBytes", 0}};
  if (stream.first_event_ms) entry["firstEventTimestamp"] = *stream.first_event_ms;
  if (stream.last_event_ms) entry["lastEventTimestamp"] = *stream.last_event_ms;
  if (stream.last_ingestion_ms) entry["lastIngestionTime"] = *stream.last_ingestion_ms;
  return entry;
}

JsonReply describe_streams(const LogStore& logs, const Json& input, Call& call) {
  const std::string group = text(input, "logGroupName");
  if (group.empty()) return invalid("logGroupName is missing.");
  const std::string order = text(input, "orderBy");
  if (!order.empty() && order != "LogStreamName" && order != "LastEventTime")
    return invalid("orderBy is not known.");
  const auto limit = limit_of(input, kMaxStreams, kMaxStreams);
  if (!limit) return invalid("limit is out of range.");
  auto streams = logs.list_streams(group, text(input, "logStreamNamePrefix"));
  if (!streams) return fault(streams.error());
  if (order == "LastEventTime") {
    std::stable_sort(streams->begin(), streams->end(), [](const LogStream& a, const LogStream& b) {
      return a.last_event_ms.value_or(0) < b.last_event_ms.value_or(0);
    });
  }
  if (input.value("descending", false)) std::reverse(streams->begin(), streams->end());
  std::size_t first = 0;
  if (const std::string next = text(input, "nextToken"); !next.empty()) {
    const auto place = parse_token(next);
    if (!place) return invalid("The specified nextToken is invalid.");
    first = static_cast<std::size_t>(place->second);
  }
  Json list = Json::array();
  for (std::size_t i = first; i < streams->size() && list.size() < *limit; ++i) {
    list.push_back(stream_json((*streams)[i], group, call));
  }
  Json reply{{"logStreams", list}};
  const std::size_t behind = first + list.size();
  if (behind < streams->size()) reply["nextToken"] = token('f', static_cast<std::int64_t>(behind));
  return reply;
}

JsonReply get_events(const LogStore& logs, const Json& input, Call&) {
  const std::string group = text(input, "logGroupName");
  const std::string stream = text(input, "logStreamName");
  if (group.empty() || stream.empty()) return invalid("logGroupName and logStreamName are required.");
  const auto limit = limit_of(input, kMaxEvents, kMaxEvents);
  if (!limit) return invalid("limit is out of range.");
  storage::LogQuery query;
  query.limit = *limit;
  query.start_ms = number(input, "startTime");
  query.end_ms = number(input, "endTime");
  query.from_end = !input.value("startFromHead", false);
  std::optional<std::pair<char, std::int64_t>> place;
  if (const std::string next = text(input, "nextToken"); !next.empty()) {
    place = parse_token(next);
    if (!place) return invalid("The specified nextToken is invalid.");
    query.from_end = place->first == 'b';
    if (place->first == 'f') query.after = place->second;
    if (place->first == 'b') query.before = place->second;
  }
  const auto events = logs.events(group, stream, query);
  if (!events) return fault(events.error());
  Json list = Json::array();
  for (const LogEvent& event : *events) list.push_back(event_json(event));
  // At an end both tokens stay where they are: that is how clients notice it.
  const std::int64_t here = place ? place->second : 0;
  const std::int64_t last =
      events->empty() ? here - (place && place->first == 'b' ? 1 : 0) : events->back().number;
  const std::int64_t first =
      events->empty() ? here + (place && place->first == 'f' ? 1 : 0) : events->front().number;
  return Json{{"events", list},
              {"nextForwardToken", token('f', std::max<std::int64_t>(last, 0))},
              {"nextBackwardToken", token('b', first)}};
}

JsonReply filter_events(const LogStore& logs, const Json& input, Call&) {
  const std::string group = text(input, "logGroupName");
  if (group.empty()) return invalid("logGroupName is missing.");
  const auto limit = limit_of(input, kMaxEvents, kMaxEvents);
  if (!limit) return invalid("limit is out of range.");
  const auto streams = logs.list_streams(group, text(input, "logStreamNamePrefix"));
  if (!streams) return fault(streams.error());
  const std::string pattern = text(input, "filterPattern");
  std::size_t skip = 0;
  if (const std::string next = text(input, "nextToken"); !next.empty()) {
    const auto place = parse_token(next);
    if (!place) return invalid("The specified nextToken is invalid.");
    skip = static_cast<std::size_t>(place->second);
  }
  std::vector<LogEvent> found;
  for (const LogStream& stream : *streams) {
    storage::LogQuery query;
    query.start_ms = number(input, "startTime");
    query.end_ms = number(input, "endTime");
    query.limit = 100'000;
    auto events = logs.events(group, stream.name, query);
    if (!events) return fault(events.error());
    for (LogEvent& event : *events) {
      if (matches(pattern, event.message)) found.push_back(std::move(event));
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const LogEvent& a, const LogEvent& b) { return a.timestamp_ms < b.timestamp_ms; });
  Json list = Json::array();
  for (std::size_t i = skip; i < found.size() && list.size() < *limit; ++i) {
    Json event = event_json(found[i]);
    event["logStreamName"] = found[i].stream;
    event["eventId"] = fmt::format("{}/{}", found[i].stream, found[i].number);
    list.push_back(std::move(event));
  }
  const std::size_t behind = skip + list.size();
  Json reply{{"events", std::move(list)}, {"searchedLogStreams", Json::array()}};
  if (behind < found.size()) reply["nextToken"] = token('f', static_cast<std::int64_t>(behind));
  return reply;
}

}  // namespace

void add_logs_operations(Front& front, LogStore& logs) {
  const auto add = [&](const char* name, JsonReply (*run)(const LogStore&, const Json&, Call&)) {
    front.add_json(Service::kLogs, fmt::format("Logs_20140328.{}", name), Access::kRead,
                   [&logs, run](const Json& input, Call& call) { return run(logs, input, call); });
  };
  add("DescribeLogGroups", describe_groups);
  add("DescribeLogStreams", describe_streams);
  add("GetLogEvents", get_events);
  add("FilterLogEvents", filter_events);
}

}  // namespace epicrisis::api::aws
