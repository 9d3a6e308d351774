#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::api::aws {

/// An element of a document being written. Lives no longer than its XmlWriter.
class XmlElement {
 public:
  XmlElement child(std::string_view name);
  /// A child that holds text, escaped as XML asks. What XML cannot hold at all becomes U+FFFD.
  void text(std::string_view name, std::string_view value);
  void number(std::string_view name, std::uint64_t value);
  void flag(std::string_view name, bool value) { text(name, value ? "true" : "false"); }

 private:
  friend class XmlWriter;
  explicit XmlElement(void* node) : node_(node) {}
  void* node_;
};

/// Writes one XML document (UTF-8, no white space between elements).
class XmlWriter {
 public:
  explicit XmlWriter(std::string_view root, std::string_view xml_namespace = {});
  XmlWriter(const XmlWriter&) = delete;
  XmlWriter& operator=(const XmlWriter&) = delete;
  ~XmlWriter();
  XmlElement root();
  void set_root_text(std::string_view value);
  /// With `declaration`: behind <?xml version="1.0" encoding="UTF-8"?>.
  std::string str(bool declaration = true) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// An element that was read, with what requests need of it: children by name without namespace, text.
struct XmlNode {
  std::string name;
  std::string text;
  std::vector<XmlNode> children;

  const XmlNode* find(std::string_view child) const;
  /// Text of a child; "" when it is not there.
  std::string_view value(std::string_view child) const;
};

/// Reads a document; no entity but the five of XML and characters is expanded. Errors: kCorrupt with the byte
/// offset, also for more than 8 levels.
Result<XmlNode> parse_xml(std::string_view text);

}  // namespace epicrisis::api::aws
