// SPDX-License-Identifier: GPL-2.0-or-later
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/disk_descriptor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto descriptor = ploopu::parse_disk_descriptor(text, "fuzz");
  if (!descriptor) return 0;
  const auto top = ploopu::find_shot(*descriptor, "", "fuzz");
  if (!top) return 0;
  const auto chain = ploopu::chain_to(*descriptor, *top, "fuzz");
  if (chain && (chain->empty() || chain->size() > ploopu::kMaxChainLength)) std::abort();
  return 0;
}
