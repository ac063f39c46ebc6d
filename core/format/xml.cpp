// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/xml.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/base/text.hpp"

namespace ploopu {
namespace {

// A NUL, also as &#0; or &#x00;, ends a text early, so that a name is read as another. A number too
// large for the parser, of which it keeps 32 zero bits, does so as well.
bool has_nul(std::string_view text) {
  constexpr uint32_t kBeyondUnicode = 0x110000;
  if (text.find('\0') != std::string_view::npos) return true;
  for (size_t at = text.find("&#"); at != std::string_view::npos; at = text.find("&#", at + 2)) {
    size_t i = at + 2;
    const bool hexadecimal = i < text.size() && text[i] == 'x';
    if (hexadecimal) ++i;
    const size_t digits = i;
    uint32_t value = 0;
    for (; i < text.size(); ++i) {
      const auto digit = parse_number(text.substr(i, 1), hexadecimal ? 16 : 10);
      if (!digit) break;
      value =
          std::min(value * (hexadecimal ? 16 : 10) + static_cast<uint32_t>(*digit), kBeyondUnicode);
    }
    const bool is_reference = i > digits && i < text.size() && text[i] == ';';
    if (is_reference && (value == 0 || value == kBeyondUnicode)) return true;
  }
  return false;
}

Result<void> check_before_parsing(const std::string& text, const std::string& name) {
  if (trim(text).empty()) {
    return fail(ErrorKind::damaged, "{}: the file is empty", name);
  }
  if (text.find("<!DOCTYPE") != std::string::npos || text.find("<!ENTITY") != std::string::npos) {
    return fail(ErrorKind::damaged, "{}: contains a document type declaration: refused", name);
  }
  if (has_nul(text)) {
    return fail(ErrorKind::damaged, "{}: contains a NUL or an invalid character: refused", name);
  }
  if (!is_utf8(text)) {
    return fail(ErrorKind::damaged, "{}: is not UTF-8 text: refused", name);
  }
  // A rough count, of two angle brackets an element, before Limits counts exactly: pugixml frees
  // nested elements recursively, and many could overflow its stack.
  if (std::count(text.begin(), text.end(), '<') > static_cast<ptrdiff_t>(kMaxXmlElements * 2)) {
    return fail(ErrorKind::damaged, "{}: has more than {} elements: no real file does", name,
                kMaxXmlElements);
  }
  return {};
}

// Refuses a second root element and text outside of the root, on which parsers differ, and any
// encoding but UTF-8.
Result<void> check_top_level(const pugi::xml_document& document, const std::string& name) {
  size_t roots = 0;
  for (const pugi::xml_node node : document.children()) {
    const auto type = node.type();
    if (type == pugi::node_element) ++roots;
    if (type == pugi::node_pcdata || type == pugi::node_cdata) {
      return fail(ErrorKind::damaged, "{}: has text outside of its root element: refused", name);
    }
    if (type != pugi::node_declaration) continue;
    const std::string_view encoding = node.attribute("encoding").value();
    if (node.attribute("encoding") && encoding != "UTF-8" && encoding != "utf-8") {
      return fail(ErrorKind::damaged, "{}: declares an encoding other than UTF-8: refused", name);
    }
  }
  if (roots == 1) return {};
  return fail(ErrorKind::damaged, "{}: has {} root elements: must be 1", name, roots);
}

// Stops at the first element that exceeds a limit.
class Limits final : public pugi::xml_tree_walker {
 public:
  explicit Limits(size_t max_depth) : max_depth_(max_depth) {}

  bool for_each(pugi::xml_node& node) override {
    if (node.type() != pugi::node_element) return true;
    if (++elements_ > kMaxXmlElements) {
      broken_ = fmt::format("has more than {} elements", kMaxXmlElements);
    } else if (static_cast<size_t>(depth()) >= max_depth_) {
      broken_ = fmt::format("its elements are nested deeper than {}", max_depth_);
    } else if (const auto attributes = node.attributes();
               std::distance(attributes.begin(), attributes.end()) >
               static_cast<ptrdiff_t>(kMaxXmlAttributes)) {
      broken_ = fmt::format("an element has more than {} attributes", kMaxXmlAttributes);
    }
    return broken_.empty();
  }

  [[nodiscard]] const std::string& broken() const { return broken_; }

 private:
  size_t max_depth_;
  size_t elements_ = 0;
  std::string broken_;
};

}  // namespace

Result<void> parse_xml(const std::string& text, const std::string& name,
                       pugi::xml_document& document, size_t max_depth) {
  PLOOPU_CHECK(check_before_parsing(text, name));
  // Without parse_fragment, pugixml silently drops text outside of the root.
  const auto options = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol |
                       pugi::parse_comments | pugi::parse_pi | pugi::parse_declaration |
                       pugi::parse_fragment;
  const auto parsed = document.load_buffer(text.data(), text.size(), options, pugi::encoding_utf8);
  if (!parsed) {
    return fail(ErrorKind::damaged, "{}: not well-formed XML at byte {}: {}", name, parsed.offset,
                parsed.description());
  }
  PLOOPU_CHECK(check_top_level(document, name));
  Limits limits(max_depth);
  document.traverse(limits);
  if (limits.broken().empty()) return {};
  return fail(ErrorKind::damaged, "{}: {}: no real file does that", name, limits.broken());
}

}  // namespace ploopu
