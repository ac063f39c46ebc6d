// SPDX-License-Identifier: GPL-2.0-or-later
// Parses XML from strangers, with limits. Only sources of core include this header, so that no
// other part depends on pugixml.
//
//     pugi::xml_document document;
//     PLOOPU_CHECK(parse_xml(text, path, document));
#pragma once

#include <cstddef>
#include <string>

#include <pugixml.hpp>

#include "core/base/result.hpp"

namespace ploopu {

inline constexpr size_t kMaxXmlElements = 10000;
inline constexpr size_t kMaxXmlAttributes = 16;  // for each element
inline constexpr size_t kMaxXmlDepth = 32;       // the root is at depth 1

// Parses `text`, whose size the caller has limited; `name` is the file's path, for messages.
// ErrorKind::damaged for text that is not well-formed or not UTF-8, for a document type
// declaration, a NUL, a second root element or text outside of the root, and beyond the limits
// above. Fetches nothing. Keeps comments and processing instructions, so that callers notice a text
// that they split: parsers differ on whether to join its parts.
[[nodiscard]] Result<void> parse_xml(const std::string& text, const std::string& name,
                                     pugi::xml_document& document, size_t max_depth = kMaxXmlDepth);

}  // namespace ploopu
