// SPDX-License-Identifier: GPL-2.0-or-later
// XML from strangers. Only core's own sources include this: pugixml is none of the others'
// business.
#pragma once

#include <string>

#include <pugixml.hpp>

#include "core/result.hpp"

namespace ploopu {

// Parses `text`; `name` is the file's path, for messages. ErrorKind::damaged for what is not
// well-formed, has a document type declaration, a NUL or more elements than any real file.
// Comments and processing instructions are dropped.
[[nodiscard]] Result<void> parse_xml(const std::string& text, const std::string& name,
                                     pugi::xml_document& document);

}  // namespace ploopu
