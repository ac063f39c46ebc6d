// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class DoctorCommandTest : public CommandTest {
 protected:
  int run_doctor(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), "doctor");
    out_.str("");
    err_.str("");
    auto context = context_writing_to(out_);
    context.survey_host = [this] { return report_; };
    return cmd::run(std::move(arguments), context);
  }

  HostReport report_ = {
      .system = "Debian GNU/Linux 12 (bookworm)",
      .kernel = "6.1.0-18-cloud-amd64",
      .container = "",
      .privileged = true,
      .rights = "root",
      .can_mount = true,
      .obstacle = "",
      .backends = {{"nbd", false, "built without it", {"boot another kernel"}},
                   {"dm", false, "built without it, too", {"boot another kernel"}},
                   {"fuse", true, "module 'fuse' will be loaded", {}}},
      .parts = {{"ext4", true, ""}, {"landlock", false, "booted without"}},
      .programs = {{"man", "/usr/bin/man", "help", ""},
                   {"e2fsck", "", "checking", "'apt install x'"}}};
};

TEST_F(DoctorCommandTest, TellsWhatIsThereAndWhatToDo) {
  EXPECT_EQ(run_doctor(), 0);
  EXPECT_EQ(err_.str(), "");
  EXPECT_EQ(out_.str(),
            "System    Debian GNU/Linux 12 (bookworm), Linux 6.1.0-18-cloud-amd64\n"
            "Rights    root\n"
            "Mounting  works, over fuse\n"
            "\n"
            "BACKEND USABLE WHY\n"
            "nbd     no     built without it\n"
            "dm      no     built without it, too\n"
            "fuse    yes    module 'fuse' will be loaded\n"
            "\n"
            "FEATURE  AVAILABLE DETAIL\n"
            "ext4     yes       -\n"
            "landlock no        booted without\n"
            "\n"
            "PROGRAM PATH         FOR\n"
            "man     /usr/bin/man help\n"
            "e2fsck  -            checking\n"
            "\n"
            "Advice:\n"
            "nbd, dm: boot another kernel\n"
            "e2fsck: 'apt install x'\n");
}

TEST_F(DoctorCommandTest, TheExitCodeTellsWhetherMountingWorks) {
  report_.can_mount = false;
  report_.obstacle = "no back end can be used";
  EXPECT_EQ(run_doctor(), 69);
  EXPECT_THAT(out_.str(), HasSubstr("Mounting  does not work: no back end can be used\n"));
  report_.privileged = false;
  EXPECT_EQ(run_doctor(), 77);
  EXPECT_EQ(run_doctor({"--json"}), 77);
  EXPECT_EQ(json::parse(out_.str())["can_mount"], false);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(DoctorCommandTest, Json) {
  report_.container = "lxc";
  EXPECT_EQ(run_doctor({"--json"}), 0);
  const auto document = json::parse(out_.str());
  EXPECT_EQ(document["schema"], 1);
  EXPECT_EQ(document["container"], "lxc");
  EXPECT_EQ(document["obstacle"], nullptr);
  EXPECT_EQ(document["backends"][0],
            json::parse(R"({"name": "nbd", "usable": false, "reason": "built without it",
                            "advice": ["boot another kernel"]})"));
  EXPECT_EQ(document["features"][0],
            json::parse(R"({"name": "ext4", "available": true, "detail": null})"));
  EXPECT_EQ(document["programs"][1], json::parse(R"({"name": "e2fsck", "path": null,
                            "purpose": "checking", "install": "'apt install x'"})"));
}

TEST_F(DoctorCommandTest, NothingToDoIsNotMentioned) {
  report_.backends = {{"nbd", true, "", {}}};
  report_.programs = {{"man", "/usr/bin/man", "help", ""}};
  EXPECT_EQ(run_doctor(), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("Advice")));
}

TEST_F(DoctorCommandTest, FailuresForWantOfTheKernelPointToIt) {
  attachments_.errors["attach"] =
      Error{ErrorKind::missing_kernel_part, "no back end can be used: nbd"};
  EXPECT_EQ(run({"attach", "101"}), 69);
  EXPECT_THAT(err_.str(), HasSubstr("'ploopu doctor'"));
  use_ext4();
  EXPECT_EQ(run({"mount", "101", "/mnt"}), 69);
  EXPECT_THAT(err_.str(), HasSubstr("'ploopu doctor'"));
  attachments_.errors["attach"] = Error{ErrorKind::busy, "in use"};
  EXPECT_EQ(run({"attach", "101"}), 75);
  EXPECT_THAT(err_.str(), Not(HasSubstr("doctor")));
}

}  // namespace
}  // namespace ploopu::testing
