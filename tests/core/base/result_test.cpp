// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/result.hpp"

#include <cerrno>
#include <utility>

#include <gtest/gtest.h>

namespace ploopu::testing {
namespace {

TEST(ErrnoKinds, IsWhatTheUserCanDoAboutIt) {
  for (const auto& [error, kind] : {std::pair{ENOENT, ErrorKind::not_found},
                                    {ENOTDIR, ErrorKind::not_found},
                                    {ENXIO, ErrorKind::not_found},
                                    {ENODEV, ErrorKind::not_found},
                                    {EACCES, ErrorKind::not_permitted},
                                    {EPERM, ErrorKind::not_permitted},
                                    {EBUSY, ErrorKind::busy},
                                    {EIO, ErrorKind::failed},
                                    {ENOSPC, ErrorKind::failed}}) {
    EXPECT_EQ(fail_errno(error, "a file").value().kind, kind) << error;
  }
}

}  // namespace
}  // namespace ploopu::testing
