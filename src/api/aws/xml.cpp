#include "api/aws/xml.hpp"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

namespace epicrisis::api::aws {
namespace {

constexpr int kMaxDepth = 8;

pugi::xml_node node_of(void* node) { return pugi::xml_node(static_cast<pugi::xml_node_struct*>(node)); }

/// XML 1.0 has no way to write most control characters.
std::string representable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') {
      result += "\xEF\xBF\xBD";
    } else {
      result += c;
    }
  }
  return result;
}

std::string_view local_name(const char* name) {
  const std::string_view whole(name);
  const std::size_t colon = whole.rfind(':');
  return colon == std::string_view::npos ? whole : whole.substr(colon + 1);
}

bool convert(const pugi::xml_node& from, XmlNode& to, int depth) {
  if (depth > kMaxDepth) return false;
  to.name = std::string(local_name(from.name()));
  to.text = from.text().get();
  for (const pugi::xml_node& child : from.children()) {
    if (child.type() != pugi::node_element) continue;
    if (!convert(child, to.children.emplace_back(), depth + 1)) return false;
  }
  return true;
}

}  // namespace

struct XmlWriter::State {
  pugi::xml_document document;
};

XmlElement XmlElement::child(std::string_view name) {
  return XmlElement(node_of(node_).append_child(std::string(name).c_str()).internal_object());
}

void XmlElement::text(std::string_view name, std::string_view value) {
  node_of(node_).append_child(std::string(name).c_str()).text().set(representable(value).c_str());
}

void XmlElement::number(std::string_view name, std::uint64_t value) { text(name, std::to_string(value)); }

XmlWriter::XmlWriter(std::string_view root, std::string_view xml_namespace)
    : state_(std::make_unique<State>()) {
  pugi::xml_node node = state_->document.append_child(std::string(root).c_str());
  if (!xml_namespace.empty()) node.append_attribute("xmlns").set_value(std::string(xml_namespace).c_str());
}
XmlWriter::~XmlWriter() = default;

XmlElement XmlWriter::root() { return XmlElement(state_->document.document_element().internal_object()); }

void XmlWriter::set_root_text(std::string_view value) {
  state_->document.document_element().text().set(representable(value).c_str());
}

std::string XmlWriter::str(bool declaration) const {
  std::ostringstream out;
  if (declaration) out << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  state_->document.save(out, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
  return out.str();
}

const XmlNode* XmlNode::find(std::string_view child) const {
  for (const XmlNode& node : children) {
    if (node.name == child) return &node;
  }
  return nullptr;
}

std::string_view XmlNode::value(std::string_view child) const {
  const XmlNode* node = find(child);
  return node == nullptr ? std::string_view() : std::string_view(node->text);
}

Result<XmlNode> parse_xml(std::string_view text) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(
      text.data(), text.size(), pugi::parse_default | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
  if (!parsed) {
    return Error{ErrorCode::kCorrupt, "The body is no well-formed XML.",
                 fmt::format("at byte {}", parsed.offset)};
  }
  XmlNode root;
  if (!convert(document.document_element(), root, 1)) {
    return Error{ErrorCode::kCorrupt, "The XML of the body is nested too deeply.", ""};
  }
  return root;
}

}  // namespace epicrisis::api::aws
