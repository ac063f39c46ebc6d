// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/volume/ext_superblock.hpp"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/disk/disk.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kStart = 4096;
constexpr uint64_t kBlocks = 64;  // blocks of 4 KiB

TEST(ExtSuperblock, OneThatCannotBeReadIsAnError) {
  auto raw = std::make_shared<MemoryFile>();
  raw->set_size(1 << 20);
  raw->fail_at(4096 + 1024, 5);
  const auto disk = Disk::assemble(chain(open_raw(raw, 8)));
  EXPECT_THAT(check_ext(*disk, 4096, 8192).error().message, HasSubstr("disk byte 5120"));
}

// A superblock as mke2fs makes it, in which a test changes what it is about.
class CheckExt : public ::testing::Test {
 protected:
  CheckExt() {
    put(0x04, kBlocks, 4);
    put(0x18, 2, 4);       // blocks of 4 KiB
    put(0x38, 0xef53, 2);  // the magic
    put(0x4c, 1, 4);       // revision
    put(0x58, 256, 2);     // an inode
    put(0x5c, 0x3c, 4);    // compatible features, with a journal
    put(0x60, 0x2c2, 4);   // incompatible ones
    put(0xe0, 8, 4);       // the journal's inode
    put(0x100, 0x0c, 4);   // xattr and acl, by default
  }

  void put(size_t field, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; ++i) bytes_[field + i] = static_cast<std::byte>(value >> (8 * i));
  }

  void put_options(std::string_view options) {
    for (size_t i = 0; i < options.size(); ++i) bytes_[0x200 + i] = std::byte(options[i]);
  }

  [[nodiscard]] Result<bool> check(uint64_t length = kBlocks * 4096) const {
    auto raw = std::make_shared<MemoryFile>();
    raw->set_size(1 << 20);
    raw->write(kStart + 1024, bytes_);
    const auto disk = Disk::assemble(chain(open_raw(raw, 8)));
    return check_ext(*disk, kStart, length);
  }

  [[nodiscard]] std::string refusal() const {
    const auto checked = check();
    EXPECT_FALSE(checked);
    if (checked) return {};
    EXPECT_EQ(checked.error().kind, ErrorKind::damaged);
    EXPECT_THAT(checked.error().message, HasSubstr("the superblock at disk byte 5120: s_"));
    return checked.error().message;
  }

 private:
  Bytes bytes_ = Bytes(1024);
};

TEST_F(CheckExt, OneAsMke2fsMakesIt) {
  const auto checked = check();
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_FALSE(*checked);
}

TEST_F(CheckExt, H76_ADirtyJournal) {
  put(0x60, 0x2c6, 4);
  EXPECT_TRUE(*check());
}

TEST_F(CheckExt, H76_WithoutAJournal) {
  put(0x5c, 0x38, 4);
  put(0xe0, 0, 4);
  const auto checked = check();
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_FALSE(*checked);
}

// A mount option overrides errors=panic of the superblock, so such a superblock is accepted.
TEST_F(CheckExt, H73_PanicOnErrorsIsNotRefused) {
  put(0x3c, 3, 2);
  EXPECT_TRUE(check());
}

TEST_F(CheckExt, H74_OptionsOfTheImagesOwn) {
  put_options("errors=panic");
  EXPECT_THAT(refusal(), HasSubstr("s_mount_opts is 'errors=panic'"));
}

TEST_F(CheckExt, H74_OptionsWithoutAnEnd) {
  put(0x240, 0x41, 1);  // the byte after the field
  put_options(std::string(64, 'x'));
  EXPECT_THAT(refusal(), HasSubstr("'" + std::string(64, 'x') + "'"));
}

TEST_F(CheckExt, H75_AnExternalJournal) {
  put(0xe0, 0, 4);
  put(0xe4, 0x801, 4);
  EXPECT_THAT(refusal(), HasSubstr("s_journal_dev is 0x801: an external journal"));
}

TEST_F(CheckExt, H75_AnExternalJournalBesideAnInternalOne) {
  put(0xe4, 0x801, 4);
  EXPECT_THAT(refusal(), HasSubstr("s_journal_dev is 0x801"));
}

TEST_F(CheckExt, H75_AJournalThatIsNowhere) {
  put(0xe0, 0, 4);
  EXPECT_THAT(refusal(), HasSubstr("s_journal_inum is 0"));
}

TEST_F(CheckExt, H75_TheJournalOfAnother) {
  put(0x60, 0x08, 4);
  EXPECT_THAT(refusal(), HasSubstr("s_feature_incompat is 0x8"));
}

TEST_F(CheckExt, ItsBlocksFillThePartitionAtMost) {
  EXPECT_TRUE(check(kBlocks * 4096 + 512));
  const auto checked = check(kBlocks * 4096 - 1);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message,
              HasSubstr("s_blocks_count is 64, but the partition has 63 blocks of 4096 bytes"));
}

TEST_F(CheckExt, TheHighHalfOfItsBlocksCounts) {
  put(0x150, 1U << 31, 4);
  EXPECT_THAT(refusal(), HasSubstr("s_blocks_count is 9223372036854775872"));
}

TEST_F(CheckExt, ABlockSizeThatCannotBe) {
  for (const uint32_t log_size : {7U, 32U, 0xffffffffU}) {
    put(0x18, log_size, 4);
    EXPECT_THAT(refusal(), HasSubstr(fmt::format("s_log_block_size is {}", log_size)));
  }
}

TEST_F(CheckExt, AnInodeSizeThatCannotBe) {
  for (const uint32_t size : {0U, 64U, 192U, 8192U}) {
    put(0x58, size, 2);
    EXPECT_THAT(refusal(), HasSubstr(fmt::format("s_inode_size is {}", size)));
  }
  put(0x58, 0, 2);
  put(0x4c, 0, 4);  // revision 0 has no such field
  EXPECT_TRUE(check());
}

TEST_F(CheckExt, NoSuperblock) {
  put(0x38, 0, 2);
  EXPECT_THAT(refusal(), HasSubstr("s_magic is 0x0000"));
}

}  // namespace
}  // namespace ploopu::testing
