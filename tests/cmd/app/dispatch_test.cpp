// SPDX-License-Identifier: GPL-2.0-or-later
#include <map>

#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(CommandTest, UsageErrorsAre64AndNameTheMistake) {
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"frobnicate"},
                                                       {"info"},
                                                       {"info", "101", "102"},
                                                       {"info", "101", "--bogus"},
                                                       {"mount", "101"},
                                                       {"attach", "101", "--backend", "magic"},
                                                       {"mount", "101", "/mnt", "--partition", "x"},
                                                       {"--root", "/nowhere", "list"},
                                                       {"detach"},
                                                       {"detach", "101", "--all"}};
  for (const auto& arguments : wrong) {
    EXPECT_EQ(run(arguments), 64) << ::testing::PrintToString(arguments);
    EXPECT_THAT(err_.str(), HasSubstr("ploopu: "));
    EXPECT_EQ(out_.str(), "");
  }
  EXPECT_THAT(attachments_.calls, IsEmpty());
  run({"--json", "frobnicate", "101"});
  EXPECT_THAT(err_.str(), HasSubstr("'frobnicate' is not a verb"));
}

TEST_F(CommandTest, AMisspeltVerbGetsASuggestion) {
  const std::vector<std::pair<const char*, const char*>> misspelt = {
      {"mout", "mount"},         {"munot", "mount"}, {"unmount", "umount"}, {"det", "detach"},
      {"snapshot", "snapshots"}, {"lsit", "list"},   {"atach", "attach"},   {"doktor", "doctor"},
      {"unmap", "detach"},       {"ls", "list"},     {"status", "list"},    {"show", "info"}};
  for (const auto& [typed, meant] : misspelt) {
    EXPECT_EQ(run({typed, "101"}), 64);
    EXPECT_THAT(err_.str(), HasSubstr(fmt::format("did you mean '{}'?", meant))) << typed;
    EXPECT_EQ(run({"help", typed}), 64);
    EXPECT_THAT(err_.str(), HasSubstr(fmt::format("did you mean '{}'?", meant))) << typed;
  }
  for (const char* typed : {"frobnicate", "x", "101"}) {
    EXPECT_EQ(run({typed}), 64);
    EXPECT_THAT(err_.str(), Not(HasSubstr("did you mean"))) << typed;
  }
}

TEST_F(CommandTest, AMessageNamesTheWordThatIsWrong) {
  const auto message = [&](const std::vector<std::string>& arguments) {
    EXPECT_EQ(run(arguments), 64);
    const std::string line = err_.str();
    const size_t end = line.find(" (see '");
    return line.substr(0, end).substr(std::string("ploopu: ").size());
  };
  EXPECT_EQ(message({}), "no verb is given");
  EXPECT_EQ(message({"--verison"}), "unknown option '--verison'; did you mean '--version'?");
  EXPECT_EQ(message({"-x"}), "unknown option '-x'");
  EXPECT_EQ(message({"--bogus", "list"}), "unknown option '--bogus'");
  EXPECT_EQ(message({"info", "101", "--snapshto", "base"}),
            "unknown option '--snapshto'; did you mean '--snapshot'?");
  EXPECT_EQ(message({"info", "101", "102"}), "unexpected argument '102'");
  EXPECT_EQ(message({"info", "101", "--json=pretty"}), "--json takes no value");
  EXPECT_EQ(message({"attach", "101", "--overlay-file", "/o", "--overlay-size", "1X"}),
            "--overlay-size: '1X' is not a size: use a number with K, M, G or T");
  EXPECT_EQ(message({"attach", "101", "--overlay-file", "/o", "--overlay-size", "1"}),
            "--overlay-size: '1' is too small: use at least 1M");
  EXPECT_EQ(message({"detach"}),
            "no target given: name a device, mount point or image, or use --all\n");
  EXPECT_EQ(message({"detach", "101", "--all"}), "--all: give either targets or --all\n");
}

TEST_F(CommandTest, AnUnknownVerbIsAProgramIfThereIsOne) {
  std::vector<std::string> called;
  Result<void> answer;
  const auto run_with = [&](std::vector<std::string> arguments) {
    auto context = context_writing_to(out_);
    context.run_extension = [&](const std::string& verb, const std::vector<std::string>& rest) {
      called = {verb};
      called.insert(called.end(), rest.begin(), rest.end());
      return answer;
    };
    err_.str("");
    return cmd::run(std::move(arguments), context);
  };
  EXPECT_EQ(run_with({"backup", "101", "--to", "/x"}), 64);  // no such program: an unknown verb
  EXPECT_THAT(called, ElementsAre("backup", "101", "--to", "/x"));
  EXPECT_THAT(err_.str(), HasSubstr("'backup' is not a verb"));
  answer = fail(ErrorKind::not_permitted, "/usr/bin/ploopu-backup: Permission denied");
  EXPECT_EQ(run_with({"backup"}), 77);
  EXPECT_EQ(err_.str(), "ploopu: /usr/bin/ploopu-backup: Permission denied\n");
  called.clear();
  EXPECT_EQ(run_with({"list"}), 0);  // verbs, and words after options, are no extensions
  EXPECT_EQ(run_with({"--json", "backup"}), 64);
  EXPECT_THAT(called, IsEmpty());
}

TEST_F(CommandTest, HelpHasExamplesForEveryVerb) {
  for (const char* verb : {"info", "map", "check", "snapshots", "attach", "mount", "detach",
                           "umount", "reload", "list", "doctor", "help"}) {
    EXPECT_EQ(run({verb, "--help"}), 0);
    EXPECT_THAT(out_.str(), HasSubstr("Examples:")) << verb;
  }
  EXPECT_EQ(run({"--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("ploopu mount 101 /mnt"));
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("ploopu 0."));
}

TEST_F(CommandTest, HelpOfAVerbIsItsPageOrWhatItsOptionPrints) {
  for (const char* verb : {"info", "umount"}) {
    EXPECT_EQ(run({verb, "--help"}), 0);
    const std::string help = out_.str();
    EXPECT_EQ(run({"help", verb}), 0);
    EXPECT_EQ(out_.str(), help);
  }
  EXPECT_EQ(run({"--help"}), 0);
  const std::string all = out_.str();
  EXPECT_EQ(run({"help"}), 0);
  EXPECT_EQ(out_.str(), all);
  EXPECT_EQ(run({"help", "bogus"}), 64);
  EXPECT_THAT(err_.str(), HasSubstr("'bogus' is not a verb"));

  std::string page;
  auto context = context_writing_to(out_);
  context.show_page = [&](const std::string& name) { page = name; };
  EXPECT_EQ(cmd::run({"help", "umount"}, context), 0);
  EXPECT_EQ(page, "ploopu-detach");
}

TEST_F(CommandTest, GlobalOptionsStandBeforeOrAfterTheVerb) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--json", "info", "101"},
        {"info", "--json", "101"},
        {"info", "101", "--json"}}) {
    EXPECT_EQ(run(arguments), 0);
    EXPECT_EQ(json::parse(out_.str())["ctid"], "101");
  }
}

TEST_F(CommandTest, ErrorsAreJsonWhenJsonIsWanted) {
  EXPECT_EQ(run({"info", "999", "--json"}), 66);
  EXPECT_EQ(out_.str(), "");
  const json error = json::parse(err_.str())["error"];
  EXPECT_EQ(error["kind"], "not-found");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("999"));
  EXPECT_EQ(run({"info", "--json", "--bogus", "101"}), 64);
  EXPECT_EQ(json::parse(err_.str())["error"]["kind"], "usage");
}

TEST_F(CommandTest, UntrustedTextIsEscaped) {
  EXPECT_EQ(run({"info", "/evil\x1b[31m\nname"}), 66);
  EXPECT_THAT(err_.str(), HasSubstr("\\x1b[31m\\x0aname"));
  EXPECT_EQ(run({"info", "/evil\xff", "--json"}), 66);
  EXPECT_THAT(json::parse(err_.str())["error"]["message"].get<std::string>(), HasSubstr("\\xff"));
  prober_.layout.partitions[0].label = "a\x1b]0;owned\x07";
  EXPECT_EQ(run({"info", "101"}), 0);
  EXPECT_THAT(out_.str(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(out_.str(), HasSubstr("a\\x1b]0;owned\\x07"));  // escaped once
}

// A variable that isn't set must not stand for the live state.
TEST_F(CommandTest, EmptyArgumentsAreRefused) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"info", "101", "-s", ""},
        {"info", "101", "--snapshot="},
        {"info", "101", "--disk", ""},
        {"info", ""},
        {"list", "--all", "-o", ""}}) {
    EXPECT_EQ(run(arguments), 64);
    EXPECT_THAT(err_.str(), HasSubstr("an argument is empty"));
  }
}

TEST_F(CommandTest, AFullDiskUnderStdoutIsAnError) {
  std::ostream broken(nullptr);
  auto context = context_writing_to(broken);
  EXPECT_EQ(cmd::run({"info", "101"}, context), 1);
  EXPECT_THAT(err_.str(), HasSubstr("standard output"));
}

TEST_F(CommandTest, WhatNobodyCouldBeToldOfDoesNotStayAttached) {
  use_ext4();
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"attach", "101"},
                                                    {"attach", "101", "--json"},
                                                    {"mount", "101", "/mnt"},
                                                    {"mount", "101", "/mnt", "--json"}}) {
    attachments_.calls.clear();
    std::ostream broken(nullptr);
    auto context = context_writing_to(broken);
    EXPECT_EQ(cmd::run(arguments, context), 1);
    EXPECT_EQ(attachments_.calls.back(), "detach /dev/nbd7");
  }
  attachments_.already_attached = true;
  attachments_.calls.clear();
  std::ostream broken(nullptr);
  auto context = context_writing_to(broken);
  EXPECT_EQ(cmd::run({"attach", "101"}, context), 1);
  EXPECT_THAT(attachments_.calls, ElementsAre("attach"));
}

TEST_F(CommandTest, ExitCodesByKindOfError) {
  const std::map<ErrorKind, int> codes = {
      {ErrorKind::failed, 1},     {ErrorKind::damaged, 65},
      {ErrorKind::not_found, 66}, {ErrorKind::missing_kernel_part, 69},
      {ErrorKind::busy, 75},      {ErrorKind::not_permitted, 77}};
  for (const auto& [kind, code] : codes) {
    attachments_.errors["attach"] = {kind, "because"};
    EXPECT_EQ(run({"attach", "101"}), code);
    EXPECT_THAT(err_.str(), ::testing::StartsWith("ploopu: because"));
  }
}

}  // namespace
}  // namespace ploopu::testing
