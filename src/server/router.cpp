#include "server/router.hpp"

#include <utility>

namespace epicrisis::server {

void Router::add(std::string method, std::string path, Route route) {
  routes_[std::move(path)].insert_or_assign(std::move(method), std::move(route));
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  const auto methods = routes_.find(path);
  if (methods == routes_.end()) return {};
  auto found = methods->second.find(method);
  if (found == methods->second.end() && method == "HEAD") found = methods->second.find("GET");
  if (found != methods->second.end()) return {&found->second, 200, {}};
  Match refused{nullptr, 405, {}};
  for (const auto& [allowed, route] : methods->second) {
    if (!refused.allow.empty()) refused.allow += ", ";
    refused.allow += allowed;
    if (allowed == "GET") refused.allow += ", HEAD";
  }
  return refused;
}

}  // namespace epicrisis::server
