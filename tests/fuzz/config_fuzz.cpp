// SPDX-License-Identifier: GPL-2.0-or-later
// Configuration files, and container IDs: what is taken for one must be safe in a path.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/container.hpp"
#include "core/text.hpp"
#include "core/vz_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(ploopu::parse_vz_config(text, "fuzz"));
  if (const auto ctid = ploopu::parse_ctid(text)) {
    constexpr char kSafe[] = "0123456789abcdefABCDEF-";
    if (ctid->empty() || ctid->size() > 36 || ctid->find_first_not_of(kSafe) != std::string::npos) {
      std::abort();
    }
  }
  for (const char c : ploopu::escape_bytes(text)) {
    if (c >= 0 && c < 0x20) std::abort();
  }
  return 0;
}
