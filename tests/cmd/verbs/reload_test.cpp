// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kReload[] = "reload /dev/nbd7 /vz/private/101/root.hdd/DiskDescriptor.xml";

TEST_F(CommandTest, ReloadOpensWhatIsAttached) {
  attachments_.attached = {mounted_attachment()};
  for (const char* target : {"101", "/mnt", "/dev/nbd7", "--all"}) {
    attachments_.calls.clear();
    EXPECT_EQ(run({"reload", target}), 0) << target << ": " << err_.str();
    EXPECT_THAT(attachments_.calls, ElementsAre("list", kReload));
  }
  EXPECT_EQ(run_json({"reload", "101"})["targets"][0]["reloaded"], true);
  EXPECT_EQ(run({"reload", "102"}), 66);
  EXPECT_EQ(run({"reload"}), 64);
}

TEST_F(CommandTest, ReloadOfAllLeavesWhatCanNotBeReloaded) {
  attachments_.attached = {mounted_attachment()};
  attachments_.errors["reload"] = {ErrorKind::refused, "it has an overlay"};
  EXPECT_EQ(run({"reload", "101"}), 65);
  EXPECT_EQ(run({"reload", "--all"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("it has an overlay (not reloaded)"));
  EXPECT_EQ(run_json({"reload", "--all"})["targets"][0]["reloaded"], false);
  attachments_.errors["reload"] = {ErrorKind::failed, "its server stays"};
  EXPECT_EQ(run({"reload", "--all"}), 1);
}

TEST_F(CommandTest, ReloadOfAnImageThatCanNotBeOpenedAnyMore) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].image = "/vz/private/999/root.hdd/DiskDescriptor.xml";
  EXPECT_EQ(run({"reload", "--all"}), 66);
  EXPECT_THAT(attachments_.calls, ElementsAre("list"));
}

}  // namespace
}  // namespace ploopu::testing
