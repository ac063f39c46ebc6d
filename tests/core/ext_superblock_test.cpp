// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/ext_superblock.hpp"

#include <gtest/gtest.h>

#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

TEST(ExtSuperblock, TheRecoveryFlag) {
  for (const bool dirty : {false, true}) {
    auto raw = std::make_shared<MemoryFile>();
    raw->set_size(1 << 20);
    raw->write(4096 + 1024 + 0x60, Bytes(1, dirty ? std::byte{0x46} : std::byte{0x42}));
    const auto disk = Disk::assemble(chain(open_raw(raw, 8)));
    EXPECT_EQ(*ext_needs_recovery(*disk, 4096), dirty);
  }
}

TEST(ExtSuperblock, OneThatCannotBeReadIsAnError) {
  auto raw = std::make_shared<MemoryFile>();
  raw->set_size(1 << 20);
  raw->fail_at(4096 + 1024, 5);
  const auto disk = Disk::assemble(chain(open_raw(raw, 8)));
  EXPECT_FALSE(ext_needs_recovery(*disk, 4096));
}

}  // namespace
}  // namespace ploopu::testing
