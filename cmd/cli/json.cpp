// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cli/json.hpp"

#include "core/base/exit_code.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {

Json new_document() { return {{"schema", 1}}; }

Json text(const std::string& bytes) { return escape_bytes(bytes); }

Json text_or_null(const std::string& bytes) { return bytes.empty() ? Json() : text(bytes); }

Json texts(const std::vector<std::string>& list) {
  Json array = Json::array();
  for (const auto& item : list) array.push_back(text(item));
  return array;
}

Json partition_json(const Partition& partition) {
  return {{"number", partition.number},
          {"start", partition.start},
          {"size", partition.size},
          {"fstype", text_or_null(partition.fstype)},
          {"label", text_or_null(partition.label)},
          {"uuid", text_or_null(partition.uuid)}};
}

Json error_json(const Error& error) {
  return {
      {"error", {{"kind", std::string(kind_name(error.kind))}, {"message", text(error.message)}}}};
}

}  // namespace ploopu::cmd
