#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "storage/artifacts/object_store.hpp"
#include "storage/metadata/database.hpp"

namespace epicrisis::storage::detail {

std::int64_t to_ms(Time time) noexcept;
Time from_ms(std::int64_t milliseconds) noexcept;
/// Now, in whole milliseconds as it will be read back.
Time now() noexcept;

std::string encode_metadata(const ObjectMetadata& metadata);
ObjectMetadata decode_metadata(std::string_view text);

/// Of the columns key, size, etag, modified_ms, metadata.
ObjectInfo object_of(const Row& row);
/// Errors: kNotFound.
Result<void> require_bucket(Transaction& transaction, std::string_view bucket);
Result<Listing> list_objects(Transaction& transaction, const std::string& bucket, const ListQuery& query);

}  // namespace epicrisis::storage::detail
