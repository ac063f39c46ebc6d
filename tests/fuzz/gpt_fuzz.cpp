// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a disk. A GUID partition table that core believes has entries that can be read.
#include "core/volume/gpt.hpp"
#include "tests/fuzz/table_disk.hpp"

namespace ploopu::testing {
namespace {

void check_copy(const Disk& disk, const GptCopy& copy, uint32_t unit) {
  if (!copy.present) {
    require(copy.fault.empty() && !copy.under_conversion);
    return;
  }
  require(copy.offset % unit == 0 && copy.offset <= disk.size() - unit);
  if (!copy.is_sound()) return;
  require(copy.entries_size > 0 && copy.entries_size <= kMaxGptEntries);
  require(copy.entries_offset <= disk.size() - copy.entries_size);
  require(copy.disk_size > copy.offset);
  // The checksum in the header must be that of the entries.
  Bytes header(unit);
  Bytes entries(copy.entries_size);
  require(disk.read(copy.offset, header) == 0 && disk.read(copy.entries_offset, entries) == 0);
  require(crc32(entries) == load_le32(header, 88));
}

void try_disk(const Disk& disk) {
  const auto gpt = find_gpt(disk);
  if (!gpt) return;
  require(gpt->unit >= 512 && gpt->unit <= 4096 && (gpt->unit & (gpt->unit - 1)) == 0);
  require(gpt->primary.present || gpt->backup.present);
  check_copy(disk, gpt->primary, gpt->unit);
  check_copy(disk, gpt->backup, gpt->unit);
  if (!gpt->primary.is_sound()) require(!warning_of_used(*gpt, disk.size()).empty());
  require(!warning_of_unused(*gpt).empty());
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  try_disk(any_disk({data, size}));
  return 0;
}
