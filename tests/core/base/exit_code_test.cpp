// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/exit_code.hpp"

#include <gtest/gtest.h>

namespace ploopu {
namespace {

TEST(ExitCodeTest, TheHelperOfMountSaysWhatMountSays) {
  struct Row {
    int code;
    int mount_code;
  };
  for (const auto& row : {Row{0, 0}, Row{1, 32}, Row{2, 32}, Row{64, 1}, Row{65, 32}, Row{66, 32},
                          Row{69, 32}, Row{75, 32}, Row{77, 1}}) {
    EXPECT_EQ(mount_exit_code(row.code), row.mount_code) << row.code;
  }
}

TEST(ExitCodeTest, EachKindHasACodeAndAName) {
  EXPECT_EQ(exit_code(ErrorKind::failed), 1);
  EXPECT_EQ(kind_name(ErrorKind::missing_kernel_part), "missing-kernel-part");
  EXPECT_EQ(exit_code(ErrorKind::not_permitted), 77);
  EXPECT_EQ(kind_name(ErrorKind::not_permitted), "not-permitted");
}

}  // namespace
}  // namespace ploopu
