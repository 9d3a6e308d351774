#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/sagemaker/request_reader.hpp"
#include "storage/resources/resource_store.hpp"

namespace epicrisis::api {

/// How one kind of resource is listed.
struct ListForm {
  std::string_view kind;
  std::string_view member;                 ///< Of the answer: "Models".
  std::vector<std::string_view> statuses;  ///< Those StatusEquals may name; none: it has no status.
  bool ascending_by_default = false;
  Json (*summary)(const storage::Resource& resource);
};

/// Answers a List… operation: filters, order and pages as the public service has them.
Result<Json> list_resources(const storage::ResourceStore& store, const ListForm& form, const Json& request);

/// Seconds since 1970, as the JSON protocol writes times.
double seconds_of(storage::Microseconds time) noexcept;

}  // namespace epicrisis::api
