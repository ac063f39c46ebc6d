// SPDX-License-Identifier: GPL-2.0-or-later
// Reads and writes of which the kernel does a part only, as after a signal.
#include <cerrno>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/files/posix_image_file.hpp"
#include "platform/files/posix_scratch_file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

// Two pages of memory, of which the second can't be accessed: the kernel transfers the first one,
// and returns its size. The rest fails with EFAULT if it is asked for.
class HalfOfABuffer {
 public:
  HalfOfABuffer() : memory_(::mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, kFlags, -1, 0)) {
    if (memory_ == MAP_FAILED || ::mprotect(bytes().data() + page_, page_, PROT_NONE) != 0) {
      throw std::runtime_error("mmap failed");
    }
  }
  ~HalfOfABuffer() { ::munmap(memory_, 2 * page_); }
  HalfOfABuffer(const HalfOfABuffer&) = delete;
  HalfOfABuffer& operator=(const HalfOfABuffer&) = delete;

  [[nodiscard]] std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(memory_), 2 * page_};
  }

 private:
  static constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  size_t page_ = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* memory_;
};

TEST(ShortTransfer, TheRestOfAnImageIsAskedFor) {
  const TemporaryDirectory dir;
  const HalfOfABuffer buffer;
  const std::string path = dir.write("image", std::string(buffer.bytes().size(), 'x'));
  struct stat status = {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const PosixImageFile file(UniqueFd(::open(path.c_str(), O_RDONLY)), facts_of(status));
  EXPECT_EQ(file.read(0, buffer.bytes()), EFAULT);
  EXPECT_EQ(buffer.bytes().front(), std::byte{'x'});
}

TEST(ShortTransfer, TheRestOfAnOverlayIsAskedFor) {
  const TemporaryDirectory dir;
  const HalfOfABuffer buffer;
  const auto scratch = create_scratch(dir.path(), 1 << 20);
  ASSERT_TRUE(scratch) << scratch.error().message;
  EXPECT_EQ(scratch->file->write(0, buffer.bytes()), EFAULT);
  EXPECT_EQ(scratch->file->read(0, buffer.bytes()), EFAULT);
}

}  // namespace
}  // namespace ploopu::testing
