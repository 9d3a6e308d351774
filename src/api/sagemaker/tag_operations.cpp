#include <fmt/format.h>

#include <array>
#include <utility>

#include "api/sagemaker/control_context.hpp"
#include "api/sagemaker/request_reader.hpp"

namespace epicrisis::api {
namespace {

constexpr std::size_t kMaxTags = 50;

/// The resource an ARN names must be there. Errors: kInvalidArgument.
Result<void> check_arn(const ControlCall& call, const std::string& arn) {
  const std::size_t last_colon = arn.rfind(':');
  const std::size_t slash = arn.find('/', last_colon == std::string::npos ? 0 : last_colon);
  if (arn.starts_with("arn:aws") && slash != std::string::npos) {
    const std::string kind = arn.substr(last_colon + 1, slash - last_colon - 1);
    EPICRISIS_ASSIGN_OR_RETURN(const auto found, call.context.resources.find(kind, arn.substr(slash + 1)));
    if (found) return {};
  }
  return Error{ErrorCode::kInvalidArgument, "Could not find a resource with this ARN.", ""};
}

Result<Json> add_tags(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string arn = reader.required_text("ResourceArn", {0, 256});
  reader.required_objects("Tags", kMaxTags);
  const auto tags = read_tags(reader);
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_RETURN_IF_ERROR(check_arn(call, arn));
  EPICRISIS_RETURN_IF_ERROR(call.context.resources.add_tags(arn, tags));
  Json all = Json::array();
  EPICRISIS_ASSIGN_OR_RETURN(const auto now, call.context.resources.tags(arn));
  for (const auto& [key, value] : now) all.push_back({{"Key", key}, {"Value", value}});
  return Json{{"Tags", std::move(all)}};
}

Result<Json> list_tags(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string arn = reader.required_text("ResourceArn", {0, 256});
  const auto wanted = static_cast<std::size_t>(reader.integer("MaxResults", 50, 1'000'000).value_or(50));
  const std::string after = reader.text("NextToken", {0, 8192}).value_or("");
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_RETURN_IF_ERROR(check_arn(call, arn));
  EPICRISIS_ASSIGN_OR_RETURN(const auto tags, call.context.resources.tags(arn));
  Json answer = {{"Tags", Json::array()}};
  const auto first = after.empty() ? tags.begin() : tags.find(after);
  if (first == tags.end() && !after.empty()) {
    return Error{ErrorCode::kInvalidArgument, "Invalid NextToken: take the one of the page before.", ""};
  }
  for (auto tag = first; tag != tags.end(); ++tag) {
    if (answer["Tags"].size() == wanted) {
      answer["NextToken"] = tag->first;
      break;
    }
    answer["Tags"].push_back({{"Key", tag->first}, {"Value", tag->second}});
  }
  return answer;
}

Result<Json> delete_tags(const ControlCall& call) {
  const RequestReader reader(call.request);
  const std::string arn = reader.required_text("ResourceArn", {0, 256});
  if (!reader.has("TagKeys")) reader.refuse("TagKeys", "Member must not be null", true);
  const std::vector<std::string> keys = reader.text_list("TagKeys");
  EPICRISIS_RETURN_IF_ERROR(reader.check());
  EPICRISIS_RETURN_IF_ERROR(check_arn(call, arn));
  EPICRISIS_RETURN_IF_ERROR(call.context.resources.remove_tags(arn, keys));
  return Json();
}

}  // namespace

std::map<std::string, std::string> read_tags(const RequestReader& reader) {
  std::map<std::string, std::string> tags;
  for (const RequestReader& tag : reader.objects("Tags", kMaxTags)) {
    const std::string key = tag.required_text("Key", {1, 128});
    tags[key] = tag.required_text("Value", {0, 256});
  }
  return tags;
}

Json members_of(const Json& from, std::initializer_list<std::string_view> names) {
  Json members = Json::object();
  for (const std::string_view name : names) {
    const auto found = from.find(std::string(name));
    if (found != from.end() && !found->is_null()) members[std::string(name)] = *found;
  }
  return members;
}

Error could_not_find(std::string_view what, const std::string& arn) {
  return {ErrorCode::kNotFound, fmt::format("Could not find {} \"{}\".", what, arn), ""};
}

Error already_existing(std::string_view what, const std::string& arn) {
  return {ErrorCode::kInvalidArgument, fmt::format("Cannot create already existing {} \"{}\".", what, arn),
          ""};
}

Result<storage::Resource> find_resource(const ControlCall& call, std::string_view kind, std::string_view what,
                                        const std::string& name) {
  EPICRISIS_ASSIGN_OR_RETURN(auto found, call.context.resources.find(kind, name));
  if (!found) return could_not_find(what, call.scope.arn(kind, name));
  return std::move(*found);
}

std::string AwsScope::arn(std::string_view kind, std::string_view name) const {
  return fmt::format("arn:aws:sagemaker:{}:{}:{}/{}", region, account, kind, name);
}

Operations tag_operations() {
  return {{"AddTags", add_tags}, {"ListTags", list_tags}, {"DeleteTags", delete_tags}};
}

}  // namespace epicrisis::api
