// SPDX-License-Identifier: GPL-2.0-or-later
// A disk in a temporary file, which fdisk and mkfs write and BlkidProber reads.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "core/disk/disk.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/probe/blkid_prober.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {

constexpr uint64_t kMiB = 1 << 20;

class ProbedDisk : public ::testing::Test {
 protected:
  void make_disk(uint64_t size) {
    dir_.write("disk", "");
    resize(size);
  }

  void resize(uint64_t size) { std::filesystem::resize_file(dir_ / "disk", size); }

  // Writes a partition table with an sfdisk script, in sectors of 512 bytes.
  void partition(const std::string& script) { shell("sfdisk -q disk <<'X'\n" + script + "\nX\n"); }

  // Writes a GPT in blocks of `unit` bytes with fdisk, since sfdisk supports only 512.
  void partition_in_units(uint64_t unit, const std::string& script) {
    dir_.write("script", "label: gpt\n" + script + "\n");
    shell("printf 'I\\nscript\\nw\\n' | fdisk -w never -W never -b " + std::to_string(unit) +
          " disk >fdisk.log 2>&1 && grep -q 'has been altered' fdisk.log");
  }

  // In the temporary directory; the disk is the file "disk".
  void shell(const std::string& command) {
    ASSERT_EQ(
        std::system(("cd " + dir_.path() + " && PATH=/usr/sbin:/sbin:$PATH && " + command).c_str()),
        0)
        << command;
  }

  // `text` may contain escapes of printf(1).
  void patch(uint64_t offset, const std::string& text) {
    shell("printf '" + text + "' | dd of=disk bs=1 seek=" + std::to_string(offset) +
          " conv=notrunc status=none");
  }

  void copy(uint64_t from, uint64_t to, uint64_t count) {
    shell("dd if=disk bs=1 skip=" + std::to_string(from) + " count=" + std::to_string(count) +
          " status=none >piece && dd if=piece of=disk bs=1 seek=" + std::to_string(to) +
          " conv=notrunc status=none");
  }

  void clear(uint64_t offset, uint64_t count) {
    shell("dd if=/dev/zero of=disk bs=1 seek=" + std::to_string(offset) +
          " count=" + std::to_string(count) + " conv=notrunc status=none");
  }

  DiskLayout probe() {
    const auto disk =
        Disk::assemble(chain(open_raw(*PosixFileSystem().open_image(dir_ / "disk"), 2048)));
    auto layout = BlkidProber().probe(*disk);
    EXPECT_TRUE(layout) << layout.error().message;
    return *layout;
  }

  TemporaryDirectory dir_;
};

}  // namespace ploopu::testing
