// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a configuration file of vzctl, and a value of DISK.
#include "core/base/text.hpp"
#include "core/format/disk_descriptor.hpp"
#include "core/vz/vz_config.hpp"
#include "core/vz/vz_disks.hpp"
#include "tests/fuzz/fuzzing.hpp"

namespace ploopu::testing {
namespace {

constexpr char kKeys[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

void try_disks(const std::string& value) {
  const auto list = parse_disks(value, "fuzz");
  require(list.warnings.size() <= 2);
  for (const VzDisk& disk : list.disks) {
    require(disk.uuid.size() == 38 && disk.image.find_first_of("$`") == std::string::npos);
    const auto chosen = choose_disk(list.disks, disk.uuid, "101");
    if (disk.uuid == kNullGuid) continue;  // whatever has it, the root disk is meant
    require(!chosen || (*chosen && (*chosen)->uuid == disk.uuid));
  }
  for (const char* which : {"", "root", "1", "6a"}) {
    static_cast<void>(choose_disk(list.disks, which, "101"));
  }
}

void try_config(const std::string& text) {
  const auto config = parse_vz_config(text, "fuzz");
  if (!config) return;
  for (const auto& [key, value] : config->values) {
    require(!key.empty() && key.find_first_not_of(kKeys) == std::string::npos);
    require(value.find('\n') == std::string::npos && value.find('\0') == std::string::npos);
    require(config->find(key) != nullptr);
  }
  for (const auto& key : config->repeated) require(config->values.contains(key));
  if (const auto* disks = config->find("DISK")) try_disks(*disks);
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  const std::string text = text_of(data, size);
  try_config(text);
  try_disks(text);
  for (const char c : ploopu::escape_bytes(text)) require(c < 0 || c >= 0x20);
  return 0;
}
