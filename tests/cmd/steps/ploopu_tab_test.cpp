// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/steps/ploopu_tab.hpp"

#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TabTest : public CommandTest {
 protected:
  void write_tab(const std::string& text) { files_.add(cmd::tab_path(), text); }

  // Runs a command and returns the state that systemd receives.
  std::string told_by(const std::vector<std::string>& arguments) {
    std::string told;
    auto context = context_writing_to(out_);
    context.tell_service_manager = [&](const std::string& state) { told = state; };
    EXPECT_EQ(cmd::run(arguments, context), 0) << err_.str();
    return told;
  }
};

TEST_F(TabTest, AttachesWhatALineSays) {
  write_tab("# web is a comment\n\n other 102\nweb\t101 backend=fuse,new,strict # why\n");
  EXPECT_EQ(run({"attach", "--tab", "web"}), 0) << err_.str();
  EXPECT_EQ(attachments_.last_attach.name, "web");
  EXPECT_EQ(attachments_.last_attach.backend, "fuse");
  EXPECT_TRUE(attachments_.last_attach.is_new);
  EXPECT_TRUE(attachments_.last_attach.is_strict);
  EXPECT_EQ(out_.str(), "/dev/nbd7\n/dev/nbd7p1\n/dev/nbd7p2\n");
  EXPECT_EQ(run({"attach", "101"}), 0);
  EXPECT_EQ(attachments_.last_attach.name, "");
}

TEST_F(TabTest, BlanksAndCommasAreEscaped) {
  write_tab("web /my\\040image overlay-file=/a\\054b,backend=nbd\nodd \\04x\\900\\1\n");
  const auto line = cmd::find_in_tab(files_, "web");
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_THAT(line->arguments, ElementsAre("/my image", "--overlay-file=/a,b", "--backend=nbd"));
  EXPECT_THAT(cmd::find_in_tab(files_, "odd")->arguments, ElementsAre("\\04x\\900\\1"));
}

TEST_F(TabTest, MistakesAreNamedWithTheirLine) {
  const std::map<std::string, std::string> mistakes = {
      {"web\n", ":1: must be NAME IMAGE"},
      {"web 101 new twice\n", ":1: must be NAME IMAGE"},
      {"\nweb 101\nweb 102\n", ":3: 'web' has a second line here"},
      {"web 101 frobnicate\n", ":1: The following argument was not expected: --frobnicate"},
      {"web 101 backend=magic\n", ":1: --backend"},
      {"web 101 help\n", ":1: The following argument was not expected: --help"},
      {"web 101 tab\n", ":1: The following argument was not expected: --tab"},
      {"web 101 overlay-size=1G\n", "--overlay-size: also give --overlay"}};
  for (const auto& [text, message] : mistakes) {
    write_tab(text);
    EXPECT_EQ(run({"attach", "--tab", "web"}), 64) << text;
    EXPECT_THAT(err_.str(), HasSubstr(message));
    EXPECT_THAT(err_.str(), ::testing::MatchesRegex("[^\n]+\n"));
  }
  write_tab("\nwebs 101\n");
  EXPECT_EQ(run({"attach", "--tab", "web"}), 66);
  EXPECT_THAT(err_.str(), HasSubstr("no line begins with 'web'"));
  EXPECT_THAT(attachments_.calls, IsEmpty());
}

TEST_F(TabTest, WithoutATabNothingHasAName) { EXPECT_EQ(run({"attach", "--tab", "web"}), 66); }

TEST_F(TabTest, TheLineHasTheOptions) {
  write_tab("web 101\n");
  EXPECT_EQ(run({"attach", "--tab", "web", "--backend", "nbd"}), 64);
  EXPECT_EQ(run({"attach", "--tab", "web", "-q"}), 0);
}

TEST_F(TabTest, SystemdIsToldOfWhatHasAName) {
  write_tab("web 101\n");
  EXPECT_EQ(told_by({"attach", "--tab", "web"}),
            "READY=1\nSTATUS=/dev/nbd7 is /vz/private/101/root.hdd/DiskDescriptor.xml, by nbd");
  EXPECT_EQ(told_by({"attach", "101"}), "");
}

TEST_F(TabTest, DetachesWhatWasAttachedByThatName) {
  attachments_.attached = {mounted_attachment(), mounted_attachment()};
  attachments_.attached[1].id = "another";
  attachments_.attached[1].device = "/dev/nbd8";
  attachments_.attached[1].name = "web";
  EXPECT_EQ(run_json({"list"})["attachments"][1]["name"], "web");
  EXPECT_EQ(run({"detach", "--tab", "web"}), 0) << err_.str();
  EXPECT_THAT(attachments_.calls, ElementsAre("list", "list", "detach /dev/nbd8"));
}

TEST_F(TabTest, WhatIsDetachedAlreadyIsNoFailure) {
  attachments_.attached = {mounted_attachment()};
  EXPECT_EQ(run({"detach", "--tab", "web"}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("web: nothing is attached with this name"));
  EXPECT_THAT(attachments_.calls, ElementsAre("list"));
}

}  // namespace
}  // namespace ploopu::testing
