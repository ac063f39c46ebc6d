// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a superblock of ext. A superblock that may reach the kernel has no field that harms
// the host.
//     2 bytes  length of the file system in KiB
//     rest     the superblock
#include <bit>

#include "core/base/little_endian.hpp"
#include "core/disk/disk.hpp"
#include "core/volume/ext_superblock.hpp"
#include "tests/fuzz/fuzzing.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

constexpr uint64_t kStart = 4096;
constexpr uint64_t kBlockGroup = 1024;  // where the superblock is, and its size

void check_accepted(const Bytes& superblock, uint64_t length) {
  const auto u32 = [&](size_t field) { return load_le32(superblock, field); };
  require((u32(0x38) & 0xffff) == 0xef53);
  require(u32(0x18) <= 6);
  const uint64_t blocks = u32(0x04) | uint64_t{u32(0x150)} << 32;
  require(blocks <= length / (kBlockGroup << u32(0x18)));
  const uint32_t inode_size = u32(0x4c) == 0 ? 128 : u32(0x58) & 0xffff;
  require(std::has_single_bit(inode_size) && inode_size >= 128 &&
          inode_size <= kBlockGroup << u32(0x18));
  require((u32(0x60) & 8) == 0 && u32(0xe4) == 0);  // no journal elsewhere
  require((u32(0x5c) & 4) == 0 || u32(0xe0) != 0);  // nor one that is nowhere
  require(superblock[0x200] == std::byte{0});       // no options of its own
}

void try_superblock(Input input) {
  const uint64_t length = input.number() * uint64_t{1024};
  Bytes superblock = input.bytes();
  superblock.resize(kBlockGroup);
  auto file = std::make_shared<MemoryFile>();
  file->set_size(uint64_t{64} << 20);
  file->write(kStart + kBlockGroup, superblock);
  const auto disk = Disk::assemble(chain(open_raw(file, 8)));
  const auto checked = check_ext(*disk, kStart, length);
  if (!checked) return;
  check_accepted(superblock, length);
  require(*checked == ((load_le32(superblock, 0x60) & 4) != 0));
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ploopu::testing::try_superblock({data, size});
  return 0;
}
