// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/xml.hpp"

#include <algorithm>
#include <string_view>

#include "core/text.hpp"

namespace ploopu {
namespace {

// Two angle brackets an element; pugixml frees nested elements recursively, so this bounds depth.
constexpr size_t kMaxElements = 10000;

// A NUL, also as &#0; or &#x00;, would end a text early: one name would be read as another.
bool has_nul(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return true;
  for (size_t at = text.find("&#"); at != std::string_view::npos; at = text.find("&#", at + 2)) {
    size_t i = at + 2;
    if (i < text.size() && text[i] == 'x') ++i;
    const size_t digits = i;
    while (i < text.size() && text[i] == '0') ++i;
    if (i > digits && i < text.size() && text[i] == ';') return true;
  }
  return false;
}

Result<void> check_before_parsing(const std::string& text, const std::string& name) {
  if (trim(text).empty()) {
    return fail(ErrorKind::damaged, "{}: the file is empty; is there a backup beside it?", name);
  }
  if (text.find("<!DOCTYPE") != std::string::npos || text.find("<!ENTITY") != std::string::npos) {
    return fail(ErrorKind::damaged, "{}: contains a document type declaration: refused", name);
  }
  if (has_nul(text)) {
    return fail(ErrorKind::damaged, "{}: contains a NUL character: refused", name);
  }
  if (std::count(text.begin(), text.end(), '<') > static_cast<ptrdiff_t>(kMaxElements * 2)) {
    return fail(ErrorKind::damaged, "{}: has more than {} elements: no real file does", name,
                kMaxElements);
  }
  return {};
}

}  // namespace

Result<void> parse_xml(const std::string& text, const std::string& name,
                       pugi::xml_document& document) {
  PLOOPU_CHECK(check_before_parsing(text, name));
  const auto options = pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol;
  const auto parsed = document.load_buffer(text.data(), text.size(), options, pugi::encoding_utf8);
  if (parsed) return {};
  return fail(ErrorKind::damaged, "{}: not well-formed XML at byte {}: {}", name, parsed.offset,
              parsed.description());
}

}  // namespace ploopu
