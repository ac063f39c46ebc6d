// SPDX-License-Identifier: GPL-2.0-or-later
// XML from strangers. Only core's own sources include this: pugixml is none of the others'
// business.
#pragma once

#include <cstddef>
#include <string>

#include <pugixml.hpp>

#include "core/base/result.hpp"

namespace ploopu {

inline constexpr size_t kMaxXmlElements = 10000;
inline constexpr size_t kMaxXmlAttributes = 16;  // of one element
inline constexpr size_t kMaxXmlDepth = 32;       // the root is at depth 1

// Parses `text`; `name` is the file's path, for messages. The caller has limited its size.
// ErrorKind::damaged for what is not well-formed or not UTF-8, has a document type declaration, a
// NUL, anything but comments beside its root element, or more than the limits above. Nothing is
// ever fetched. Comments and processing instructions are kept: they split a text that only some
// parsers would put together again.
[[nodiscard]] Result<void> parse_xml(const std::string& text, const std::string& name,
                                     pugi::xml_document& document, size_t max_depth = kMaxXmlDepth);

}  // namespace ploopu
