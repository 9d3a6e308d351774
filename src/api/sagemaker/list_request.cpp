#include "api/sagemaker/list_request.hpp"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/digest.hpp"

namespace epicrisis::api {
namespace {

using storage::Microseconds;
using storage::Resource;
using storage::ResourceOrder;
using storage::ResourceQuery;

constexpr std::size_t kCheckDigits = 16;

/// What a page must share with the one before.
std::string shape_of(const ListForm& form, const ResourceQuery& query) {
  return fmt::format("{}/{}/{}/{}/{}", form.kind, static_cast<int>(query.order), query.descending,
                     query.name_contains, query.status.value_or("*"));
}

std::string check_digits(const std::string& shape, std::string_view position) {
  return to_hex(digest_of(DigestKind::kSha256, shape + "\n" + std::string(position))).substr(0, kCheckDigits);
}

/// Hex of "<value>\n<name>", then check digits over it and the shape of the query.
std::string make_token(const std::string& shape, const Resource& last, ResourceOrder order) {
  const std::string position = sort_value(last, order) + "\n" + last.name;
  return to_hex(position) + check_digits(shape, position);
}

std::optional<std::string> bytes_of_hex(std::string_view hex) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    if (digit(hex[i]) < 0 || digit(hex[i + 1]) < 0) return std::nullopt;
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return hex.size() % 2 == 0 ? std::optional(bytes) : std::nullopt;
}

Result<std::pair<std::string, std::string>> read_token(const std::string& shape, const std::string& token) {
  const Error unknown = {ErrorCode::kInvalidArgument, "Invalid NextToken: take the one of the page before.",
                         ""};
  if (token.size() < kCheckDigits) return unknown;
  const std::string_view hex = std::string_view(token).substr(0, token.size() - kCheckDigits);
  const std::optional<std::string> position = bytes_of_hex(hex);
  const std::size_t line = position ? position->find('\n') : std::string::npos;
  if (line == std::string::npos || check_digits(shape, *position) != token.substr(hex.size())) return unknown;
  return std::pair(position->substr(0, line), position->substr(line + 1));
}

/// Times come as seconds; fractions count.
std::optional<Microseconds> time_bound(const RequestReader& request, std::string_view member) {
  const std::optional<double> seconds = request.number(member, 0);
  if (!seconds) return std::nullopt;
  return static_cast<Microseconds>(std::llround(std::min(*seconds, 1e11) * 1e6));
}

ResourceOrder order_of(const std::optional<std::string>& name) {
  if (name == "Name") return ResourceOrder::kName;
  if (name == "Status") return ResourceOrder::kStatus;
  return ResourceOrder::kCreated;
}

ResourceQuery read_query(const ListForm& form, const RequestReader& request) {
  ResourceQuery query;
  query.name_contains = request
                            .text("NameContains", {0, 63, "[a-zA-Z0-9-]+",
                                                   [](std::string_view text) {
                                                     return text.find_first_not_of(
                                                                "abcdefghijklmnopqrstuvwxyz"
                                                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
                                                            std::string_view::npos;
                                                   }})
                            .value_or("");
  query.limit = static_cast<std::size_t>(request.integer("MaxResults", 1, 100).value_or(10));
  query.created_after = time_bound(request, "CreationTimeAfter");
  query.created_before = time_bound(request, "CreationTimeBefore");
  std::vector<std::string_view> orders = {"Name", "CreationTime"};
  if (!form.statuses.empty()) {
    orders.emplace_back("Status");
    query.status = request.one_of("StatusEquals", form.statuses);
    query.modified_after = time_bound(request, "LastModifiedTimeAfter");
    query.modified_before = time_bound(request, "LastModifiedTimeBefore");
  }
  query.order = order_of(request.one_of("SortBy", orders));
  const std::string direction = request.one_of("SortOrder", {"Ascending", "Descending"})
                                    .value_or(form.ascending_by_default ? "Ascending" : "Descending");
  query.descending = direction == "Descending";
  return query;
}

}  // namespace

double seconds_of(Microseconds time) noexcept { return std::round(static_cast<double>(time) / 1e3) / 1e3; }

Result<Json> list_resources(const storage::ResourceStore& store, const ListForm& form, const Json& request) {
  const RequestReader reader(request);
  ResourceQuery query = read_query(form, reader);
  const std::optional<std::string> token = reader.text("NextToken", {0, 8192});
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  const std::string shape = shape_of(form, query);
  if (token) {
    EPICRISIS_ASSIGN_OR_RETURN(query.after, read_token(shape, *token));
  }
  const std::size_t wanted = query.limit;
  query.limit = wanted + 1;  // one more tells whether there is another page
  EPICRISIS_ASSIGN_OR_RETURN(std::vector<Resource> found, store.list(form.kind, query));
  const bool more = found.size() > wanted;
  if (more) found.resize(wanted);
  Json answer = {{std::string(form.member), Json::array()}};
  Json& summaries = answer[std::string(form.member)];
  for (const Resource& resource : found) summaries.push_back(form.summary(resource));
  if (more) answer["NextToken"] = make_token(shape, found.back(), query.order);
  return answer;
}

}  // namespace epicrisis::api
