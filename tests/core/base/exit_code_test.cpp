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
  struct Row {
    ErrorKind kind;
    int code;
    const char* name;
  };
  for (const auto& row :
       {Row{ErrorKind::failed, 1, "failed"}, Row{ErrorKind::usage, 64, "usage"},
        Row{ErrorKind::damaged, 65, "damaged"}, Row{ErrorKind::refused, 65, "refused"},
        Row{ErrorKind::not_found, 66, "not-found"},
        Row{ErrorKind::missing_kernel_part, 69, "missing-kernel-part"},
        Row{ErrorKind::busy, 75, "busy"}, Row{ErrorKind::not_permitted, 77, "not-permitted"}}) {
    EXPECT_EQ(exit_code(row.kind), row.code) << row.name;
    EXPECT_EQ(kind_name(row.kind), row.name);
  }
}

}  // namespace
}  // namespace ploopu
