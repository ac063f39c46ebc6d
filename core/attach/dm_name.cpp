// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach/dm_name.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/guid.hpp"
#include "core/base/text.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {
namespace {

constexpr size_t kMaxStem = 80;

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
         c == '_' || c == '-';
}

std::string stem_of(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.parent_path();
  if (directory.filename() == "root.hdd") return directory.parent_path().filename();
  return path.filename() == kDescriptorName ? directory.stem() : path.stem();
}

}  // namespace

std::string dm_name(const std::string& path, const std::optional<std::string>& ctid,
                    const std::optional<std::string>& snapshot) {
  std::string stem = ctid.value_or(stem_of(path));
  std::erase_if(stem, [](char c) { return !is_plain(c); });
  stem.resize(std::min(stem.size(), kMaxStem));
  std::string name = "ploopu-" + (stem.empty() ? "image" : stem);
  if (snapshot) name += "-" + short_guid(*snapshot);
  return name;
}

std::string dm_partition_name(const std::string& disk, uint32_t number) {
  return fmt::format("{}p{}", disk, number);
}

bool is_dm_name_taken_by(const std::string& name, const std::string& other) {
  if (other == name) return true;
  const std::string partition = name + "p";
  return other.starts_with(partition) && parse_number(other.substr(partition.size())).has_value();
}

}  // namespace ploopu
