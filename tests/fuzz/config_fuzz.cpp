// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration files, and IDs and names of containers: what is taken for one must be safe in a
// path.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/container.hpp"
#include "core/container_name.hpp"
#include "core/text.hpp"
#include "core/vz_config.hpp"
#include "core/vz_disks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(ploopu::parse_vz_config(text, "fuzz"));
  if (const auto ctid = ploopu::parse_ctid(text)) {
    constexpr char kSafe[] = "0123456789abcdefABCDEF-";
    if (ctid->empty() || ctid->size() > 36 || ctid->find_first_not_of(kSafe) != std::string::npos) {
      std::abort();
    }
  }
  if (ploopu::is_container_name(text) && text.find('/') != std::string::npos) std::abort();
  const auto list = ploopu::parse_disks(text, "fuzz");
  if (list.warnings.size() > 1) std::abort();
  static_cast<void>(ploopu::choose_disk(list.disks, "1", "101"));
  for (const char c : ploopu::escape_bytes(text)) {
    if (c >= 0 && c < 0x20) std::abort();
  }
  return 0;
}
