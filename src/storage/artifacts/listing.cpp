#include <utility>

#include "storage/artifacts/detail/rows.hpp"

namespace epicrisis::storage::detail {
namespace {

/// The first name behind all that begin with `prefix`; nothing when there is none.
std::optional<std::string> behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

/// The beginning of `key` up to the first delimiter behind the prefix; empty when there is none.
std::string common_prefix(const std::string& key, const ListQuery& query) {
  if (query.delimiter.empty()) return {};
  const std::size_t found = key.find(query.delimiter, query.prefix.size());
  if (found == std::string::npos) return {};
  return key.substr(0, found + query.delimiter.size());
}

/// Where a walk through the keys of a bucket goes on: at `from`, or behind it.
struct Cursor {
  std::string from;
  bool inclusive = true;
  bool ended = false;

  void skip_past(const std::string& prefix) {
    const std::optional<std::string> next = behind(prefix);
    ended = !next;
    if (next) from = *next;
    inclusive = true;
  }
};

Cursor start_of(const ListQuery& query) {
  Cursor cursor;
  if (query.after_is_prefix) {
    cursor.skip_past(query.after);
  } else if (!query.after.empty()) {
    cursor.from = query.after;
    cursor.inclusive = false;
  }
  if (!cursor.ended && cursor.from < query.prefix) {
    cursor.from = query.prefix;
    cursor.inclusive = true;
  }
  return cursor;
}

std::vector<Row> next_rows(Transaction& transaction, const std::string& bucket, const Cursor& cursor,
                           std::size_t count) {
  constexpr std::string_view kFrom =
      "SELECT key, size, etag, modified_ms, metadata FROM objects WHERE bucket = ? AND key >= ? ORDER BY key "
      "LIMIT ?";
  constexpr std::string_view kBehind =
      "SELECT key, size, etag, modified_ms, metadata FROM objects WHERE bucket = ? AND key > ? ORDER BY key "
      "LIMIT ?";
  return transaction.query(cursor.inclusive ? kFrom : kBehind, {bucket, Blob{cursor.from}, count});
}

}  // namespace

Result<Listing> list_objects(Transaction& transaction, const std::string& bucket, const ListQuery& query) {
  EPICRISIS_RETURN_IF_ERROR(require_bucket(transaction, bucket));
  Listing listing;
  if (query.max_keys == 0) return listing;
  Cursor cursor = start_of(query);
  std::size_t count = 0;
  while (!cursor.ended) {
    const std::size_t wanted = query.max_keys - count + 1;
    const std::vector<Row> rows = next_rows(transaction, bucket, cursor, wanted);
    cursor.ended = rows.size() < wanted;
    for (const Row& row : rows) {
      const std::string& key = row[0].text();
      if (!key.starts_with(query.prefix)) {
        cursor.ended = true;
        break;
      }
      if (count == query.max_keys) {
        listing.is_truncated = true;
        return listing;
      }
      ++count;
      std::string prefix = common_prefix(key, query);
      listing.last_is_prefix = !prefix.empty();
      if (prefix.empty()) {
        listing.last = key;
        listing.objects.push_back(object_of(row));
        cursor.from = key;
        cursor.inclusive = false;
        continue;
      }
      listing.last = prefix;
      cursor.skip_past(prefix);  // one look-up for all keys that share it
      listing.common_prefixes.push_back(std::move(prefix));
      break;
    }
  }
  return listing;
}

}  // namespace epicrisis::storage::detail
