// SPDX-License-Identifier: GPL-2.0-or-later
// Whole command lines against fakes: options, output, exit codes, and what is undone on failure.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cmd/app/dispatch.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/fake_attachments.hpp"
#include "tests/support/fake_file_finder.hpp"
#include "tests/support/fake_file_system.hpp"
#include "tests/support/fake_image_uses.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {

using nlohmann::json;

class CommandTest : public ::testing::Test {
 protected:
  CommandTest() {
    auto file =
        ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {1, 0, 0, 0, 0, 0, 0, 0}});
    file->write(4096, pattern(4096, 1));
    files_.add("/vz/private/101/root.hdd/root.hds", file);
    files_.add("/vz/private/101/root.hdd/DiskDescriptor.xml", DescriptorText{}.str());
    files_.add("/etc/vz/conf/101.conf", "VE_PRIVATE=/vz/private/$VEID\n");
    files_.add_directory("/mnt");
    files_.add_directory("/srv");
    prober_.layout = {
        "gpt",
        {{1, 4096, 8192, false, "ext4", "root", "u-1"}, {2, 12288, 4096, false, "swap", "", ""}},
        {}};
  }

  // Gives the disk of a container the superblock that its first partition must have to be mounted.
  void use_ext4(const std::string& path = "/vz/private/101/root.hdd/root.hds", bool dirty = false) {
    auto file =
        ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {1, 2, 0, 0, 0, 0, 0, 0}});
    Bytes cluster(4096);
    const auto put = [&](size_t field, unsigned value) {
      cluster[1024 + field] = static_cast<std::byte>(value & 0xFF);
      cluster[1024 + field + 1] = static_cast<std::byte>(value >> 8);
    };
    put(0x04, 8);       // blocks of 1 KiB
    put(0x38, 0xEF53);  // the magic
    put(0x4C, 1);       // revision
    put(0x58, 256);     // bytes of an inode
    put(0x5C, 4);       // with a journal
    put(0x60, dirty ? 4 : 0);
    put(0xE0, 8);  // the journal's inode
    file->write(4096, pattern(4096, 1));
    file->write(8192, cluster);
    files_.add(path, file);
  }

  // Takes the journal away from a superblock that use_ext4() made.
  void remove_journal(const std::string& path) {
    auto file =
        ploop_file({.cluster_sectors = 8, .disk_sectors = 64, .bat = {1, 2, 0, 0, 0, 0, 0, 0}});
    Bytes cluster(4096);
    static_cast<void>(files_.open_image(path).value()->read(8192, cluster));
    cluster[1024 + 0x5C] = std::byte{0};
    cluster[1024 + 0xE0] = std::byte{0};
    file->write(4096, pattern(4096, 1));
    file->write(8192, cluster);
    files_.add(path, file);
  }

  int run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    auto context = context_writing_to(out_);
    return cmd::run(std::move(arguments), context);
  }

  cmd::Context context_writing_to(std::ostream& out) {
    return {out, err_, files_, prober_, attachments_, file_finder_, image_uses_};
  }

  json run_json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    EXPECT_EQ(run(std::move(arguments)), 0) << err_.str();
    EXPECT_EQ(err_.str(), "");
    return json::parse(out_.str());
  }

  Attachment mounted_attachment() const {
    Attachment attachment;
    attachment.id = "0123456789abcdef";
    attachment.image = "/vz/private/101/root.hdd/DiskDescriptor.xml";
    attachment.ctid = "101";
    attachment.root = "/";
    attachment.backend = "nbd";
    attachment.device = "/dev/nbd7";
    attachment.partitions = {{1, "/dev/nbd7p1"}};
    attachment.server_pid = 4711;
    attachment.mountpoints = attachment.ploopu_mountpoints = {"/mnt"};
    return attachment;
  }

  FakeFileSystem files_;
  FakeProber prober_;
  FakeAttachments attachments_;
  FakeFileFinder file_finder_;
  FakeImageUses image_uses_;
  std::ostringstream out_;
  std::ostringstream err_;
};

}  // namespace ploopu::testing
