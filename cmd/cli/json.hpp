// SPDX-License-Identifier: GPL-2.0-or-later
// JSON output. Sizes and offsets are integers, in bytes. Text that is not valid UTF-8 is escaped
// (core/base/text.hpp), so output is always valid JSON.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/base/result.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu::cmd {

using Json = nlohmann::ordered_json;  // fields keep the order in which they are added

// {"schema": 1}, with which every output begins.
[[nodiscard]] Json new_document();
[[nodiscard]] Json text(const std::string& bytes);
// null for an empty string.
[[nodiscard]] Json text_or_null(const std::string& bytes);
[[nodiscard]] Json texts(const std::vector<std::string>& list);
[[nodiscard]] Json partition_json(const Partition& partition);
[[nodiscard]] Json error_json(const Error& error);

}  // namespace ploopu::cmd
