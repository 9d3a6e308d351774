#include "api/aws/identity_service.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "api/aws/front.hpp"
#include "api/aws/xml.hpp"

namespace epicrisis::api::aws {
namespace {

using storage::Role;

struct IamRole {
  Role role;
  std::string_view name;
  std::string_view id;
};

constexpr std::array<IamRole, 4> kRoles = {{{Role::kAdmin, "EpicrisisAdmin", "AROAEPICRISISADMIN000"},
                                            {Role::kEngineer, "EpicrisisEngineer", "AROAEPICRISISENGINEER"},
                                            {Role::kClinician, "EpicrisisClinician", "AROAEPICRISISCLINICAL"},
                                            {Role::kAuditor, "EpicrisisAuditor", "AROAEPICRISISAUDITOR0"}}};
constexpr std::string_view kCreated = "2024-01-01T00:00:00Z";
constexpr std::string_view kTrust =
    "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%"
    "22%3A%7B"
    "%22Service%22%3A%22sagemaker.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

const IamRole& role_of(Role role) {
  for (const IamRole& known : kRoles) {
    if (known.role == role) return known;
  }
  return kRoles.back();
}

/// Without the document's own element and declaration: what stands inside <…Result>.
std::string inner(const XmlWriter& xml, std::string_view root) {
  const std::string text = xml.str(false);
  const std::size_t open = root.size() + 2;
  return text.substr(open, text.size() - open - root.size() - 3);
}

void write_role(XmlElement element, const IamRole& role, const Call& call) {
  element.text("Path", "/");
  element.text("RoleName", role.name);
  element.text("RoleId", role.id);
  element.text("Arn", fmt::format("arn:aws:iam::{}:role/{}", call.account_id, role.name));
  element.text("CreateDate", kCreated);
  element.text("AssumeRolePolicyDocument", kTrust);
  element.number("MaxSessionDuration", 43'200);
}

QueryReply get_caller_identity(const Parameters&, Call& call) {
  const IamRole& role = role_of(call.caller.role);
  XmlWriter xml("R");
  const std::string& session = call.caller.access_key_id;
  xml.root().text("Arn",
                  fmt::format("arn:aws:sts::{}:assumed-role/{}/{}", call.account_id, role.name, session));
  xml.root().text("UserId", fmt::format("{}:{}", role.id, session));
  xml.root().text("Account", call.account_id);
  return inner(xml, "R");
}

QueryReply get_role(const Parameters& input, Call& call) {
  const auto name = find(input, "RoleName");
  if (!name || name->empty()) return Fault{400, "ValidationError", "The parameter RoleName is missing."};
  for (const IamRole& role : kRoles) {
    if (role.name != *name) continue;
    call.resource = fmt::format("arn:aws:iam::{}:role/{}", call.account_id, role.name);
    XmlWriter xml("R");
    write_role(xml.root().child("Role"), role, call);
    return inner(xml, "R");
  }
  return Fault{404, "NoSuchEntity", "The role cannot be found."};
}

QueryReply list_roles(const Parameters&, Call& call) {
  XmlWriter xml("R");
  XmlElement roles = xml.root().child("Roles");
  for (const IamRole& role : kRoles) write_role(roles.child("member"), role, call);
  xml.root().flag("IsTruncated", false);
  return inner(xml, "R");
}

}  // namespace

void add_identity_operations(Front& front) {
  const std::string sts = "https://sts.amazonaws.com/doc/2011-06-15/";
  const std::string iam = "https://iam.amazonaws.com/doc/2010-05-08/";
  front.add_query(Service::kSts, "GetCallerIdentity", sts, Access::kIdentity, get_caller_identity);
  front.add_query(Service::kIam, "GetRole", iam, Access::kIdentity, get_role);
  front.add_query(Service::kIam, "ListRoles", iam, Access::kRead, list_roles);
}

}  // namespace epicrisis::api::aws
