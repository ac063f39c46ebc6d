// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/files/posix_image_file.hpp"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/half_of_a_buffer.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

TEST(PosixImageFileTest, TheRestOfAShortReadIsAskedFor) {
  const TemporaryDirectory dir;
  const HalfOfABuffer buffer;
  const std::string path = dir.write("image", std::string(buffer.bytes().size(), 'x'));
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const PosixImageFile file(UniqueFd(::open(path.c_str(), O_RDONLY)), facts_of(status));
  EXPECT_EQ(file.read(0, buffer.bytes()), EFAULT);
  EXPECT_EQ(buffer.bytes().front(), std::byte{'x'});
}

}  // namespace
}  // namespace ploopu::testing
