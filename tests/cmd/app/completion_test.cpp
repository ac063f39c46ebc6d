// SPDX-License-Identifier: GPL-2.0-or-later
// The answers of __complete. tests/system/completion-test.sh tests the use of these answers by the
// shells.
#include "cmd/app/bash_line.hpp"
#include "tests/support/command_test.hpp"

namespace ploopu::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

class CompletionTest : public CommandTest {
 protected:
  CompletionTest() {
    files_.add("/etc/vz/conf/101.conf", "NAME=web\n");
    files_.add("/etc/vz/conf/20.conf", "");
    files_.add("/etc/vz/conf/0.conf", "");
    files_.add("/etc/vz/conf/ve-basic.conf-sample", "");
    files_.add_link("/etc/vz/names/web", "../conf/101.conf");
    files_.add_link("/etc/vz/names/two words", "/vz/private/20/ve.conf");
    files_.add_link("/etc/vz/names/lost\x07", "../conf/20.conf");
    files_.add_directory("/etc/vz/names");
    files_.add_directory("/vz/private/103");
    files_.add("/old/etc/vz/conf/7.conf", "");
  }

  // The lines that are printed while the last word is being typed.
  std::vector<std::string> answers(std::vector<std::string> words) {
    words.insert(words.begin(), {"__complete", "--"});
    EXPECT_EQ(run(std::move(words)), 0);
    EXPECT_EQ(err_.str(), "");
    std::istringstream lines(out_.str());
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);) all.push_back(line);
    return all;
  }

  // Returns the answers without their descriptions.
  std::vector<std::string> words(std::vector<std::string> typed) {
    auto all = answers(std::move(typed));
    for (auto& line : all) line.resize(std::min(line.find('\t'), line.size()));
    return all;
  }
};

TEST_F(CompletionTest, VerbsWithTheirAliases) {
  EXPECT_THAT(answers({"in"}),
              ElementsAre("info\tShow the format, deltas and partitions of an image"));
  EXPECT_THAT(words({""}), IsSupersetOf({"info", "mount", "detach", "umount", "list", "help"}));
  EXPECT_THAT(words({"--json", "-q", "u"}), ElementsAre("umount"));
  EXPECT_THAT(words({"help", "ma"}), ElementsAre("map"));
  EXPECT_THAT(words({"bogus", ""}), IsEmpty());
  EXPECT_THAT(words({"bogus", "in"}), IsEmpty());
  EXPECT_THAT(words({"__"}), IsEmpty());
}

TEST_F(CompletionTest, OptionsOfTheVerbAndThoseOfAll) {
  EXPECT_THAT(words({"info", "-"}), AllOf(IsSupersetOf({"-s", "--snapshot", "--json", "--root"}),
                                          Not(Contains("--backend"))));
  EXPECT_THAT(words({"mount", "--journ"}), ElementsAre("--journal"));
  EXPECT_THAT(words({"--j"}), ElementsAre("--json"));
  EXPECT_THAT(words({"info", "101", "--", "--j"}), IsEmpty());
  EXPECT_THAT(words({"mount", "--unless"}), IsEmpty());  // help doesn't show this option
}

TEST_F(CompletionTest, FixedValues) {
  EXPECT_THAT(words({"attach", "--backend", ""}), ElementsAre("auto", "nbd", "dm", "fuse"));
  EXPECT_THAT(words({"attach", "--backend=n"}), ElementsAre("--backend=nbd"));
  EXPECT_THAT(words({"mount", "--journal", "r"}), ElementsAre("replay"));
  EXPECT_THAT(words({"map", "101", "--only", "d"}), ElementsAre("data"));
  EXPECT_THAT(words({"list", "-o", "DEVICE,MO"}), ElementsAre("DEVICE,MOUNTPOINT"));
  EXPECT_THAT(words({"list", "--sort", "SI"}), IsEmpty());
  EXPECT_THAT(words({"list", "--all", "-oSI"}), ElementsAre("-oSIZE"));
}

TEST_F(CompletionTest, ContainersByIdAndName) {
  EXPECT_THAT(answers({"info", ""}),
              ElementsAre("20\ttwo words", "101\tweb", "103", "two words\t20", "web\t101"));
  EXPECT_THAT(words({"info", "10"}), ElementsAre("101", "103"));
  EXPECT_THAT(words({"--root", "/old", "info", ""}), ElementsAre("7"));
  EXPECT_THAT(words({"mount", "--root=/old", ""}), ElementsAre("7"));
  EXPECT_THAT(words({"info", "--root", "/nowhere", ""}), ElementsAre(":files"));
}

TEST_F(CompletionTest, PathsAreTheShells) {
  EXPECT_THAT(words({"info", "x"}), ElementsAre(":files"));
  EXPECT_THAT(words({"info", "/vz/"}), ElementsAre(":files"));
  EXPECT_THAT(words({"--root", ""}), ElementsAre(":directories"));
  EXPECT_THAT(words({"--root=/o"}), ElementsAre(":directories"));
  EXPECT_THAT(words({"mount", "101", ""}), ElementsAre(":directories"));
  EXPECT_THAT(words({"attach", "101", "--overlay-file", ""}), ElementsAre(":files"));
  EXPECT_THAT(words({"info", "101", ""}), IsEmpty());
}

TEST_F(CompletionTest, SnapshotsOfTheImageThatWasTyped) {
  files_.add(
      "/vz/private/101/root.hdd/DiskDescriptor.xml",
      DescriptorText{.shots = shot_xml(guid('1'), kNull) + shot_xml(kFixedTop, guid('1'))}.str());
  files_.add("/vz/private/101/Snapshots.xml",
             "<A><SavedStateItem guid=\"" + guid('1') +
                 "\"><Name>before\x1b</Name><DateTime>2026-01-02</DateTime></SavedStateItem></A>");
  const std::string digits = guid('1').substr(1, 36);
  for (const char* image : {"101", "web", "/vz/private/101"}) {
    EXPECT_THAT(words({"info", image, "-s", ""}),
                ElementsAre("top", "base", digits, std::string(kFixedTop).substr(1, 36)));
  }
  EXPECT_THAT(words({"info", "web", "-s1"}), ElementsAre("-s" + digits));
  EXPECT_THAT(words({"info", "web", "--snapshot={1"}), ElementsAre("--snapshot=" + guid('1')));
  EXPECT_THAT(words({"info", "20", "-s", ""}), ElementsAre("top", "base"));
  EXPECT_THAT(words({"info", "-s", ""}), ElementsAre("top", "base"));
}

TEST_F(CompletionTest, DisksOfTheContainer) {
  files_.add("/etc/vz/conf/101.conf",
             "DISK=\"uuid=" + guid('1') + ",image=one.hdd,mnt=/srv,enabled=yes\"\n");
  EXPECT_THAT(answers({"info", "101", "--disk", ""}), ElementsAre("root\troot.hdd", "1\tone.hdd"));
  EXPECT_THAT(words({"info", "--disk", ""}), ElementsAre("root"));
}

TEST_F(CompletionTest, WhatIsAttached) {
  attachments_.attached = {mounted_attachment()};
  attachments_.attached[0].mountpoints = {"/mnt", "/odd\n:files"};
  const std::string image = "\t/vz/private/101/root.hdd/DiskDescriptor.xml";
  for (const char* verb : {"detach", "umount"}) {
    EXPECT_THAT(answers({verb, "/srv", ""}), ElementsAre("/dev/nbd7" + image, "/mnt" + image,
                                                         "/dev/nbd7p1" + image, "101\t/dev/nbd7"));
  }
  EXPECT_THAT(words({"detach", "/vz"}), ElementsAre(":files"));
}

TEST_F(CompletionTest, NothingIsSaidOfWhatIsBroken) {
  files_.add("/vz/private/101/root.hdd/DiskDescriptor.xml", "<half");
  files_.add("/etc/vz/conf/101.conf", std::string("\0\xff", 2));
  EXPECT_THAT(words({"info", "101", "-s", ""}), ElementsAre("top", "base"));
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"__complete"},
                                                    {"__complete", "--"},
                                                    {"__complete", "--bash"},
                                                    {"__complete", "--bash", "", ""},
                                                    {"__complete", "--bash", " ", "ploopu"}}) {
    EXPECT_EQ(run(arguments), 0);
    EXPECT_EQ(out_.str() + err_.str(), "");
  }
}

TEST_F(CompletionTest, BashGetsTheEndOfAWordWithQuotes) {
  constexpr char kBreaks[] = " \t\n\"'><=;|&(:";
  const auto answer = [&](const std::string& line) {
    EXPECT_EQ(run({"__complete", "--bash", kBreaks, line}), 0);
    return out_.str();
  };
  EXPECT_EQ(answer("ploopu --root=/old info "), "7\n");
  EXPECT_EQ(answer("ploopu attach --backend=n"), "nbd\n");
  EXPECT_EQ(answer("ploopu info tw"), "two\\ words\n");
  EXPECT_EQ(answer("ploopu info two\\ w"), "two\\ words\n");
  EXPECT_EQ(answer("ploopu info \"two w"), "two words\n");
  EXPECT_EQ(answer("ploopu info 'tw"), "two words\n");
  EXPECT_EQ(answer("'ploopu'  info   'we'"), "web\n");
}

TEST(BashLine, IsSplitIntoWords) {
  using cmd::split_bash_line;
  EXPECT_THAT(split_bash_line(R"(a "b c"d 'e"\f' \"g\ h "i\"\$j\k" "" )", "").words,
              ElementsAre("a", "b cd", "e\"\\f", "\"g h", "i\"$j\\k", "", ""));
  EXPECT_THAT(split_bash_line("", "").words, ElementsAre(""));
  EXPECT_THAT(split_bash_line("a \\", "").words, ElementsAre("a", "\\"));
  EXPECT_EQ(split_bash_line("--root=/a", "=:").kept, 7);
  EXPECT_EQ(split_bash_line("/a\\:b", "=:").kept, 0);
  EXPECT_EQ(split_bash_line("a=b c", "=:").kept, 0);
  const auto open = split_bash_line("--root=\"/a=", "=:");
  EXPECT_EQ(open.quote, '"');
  EXPECT_EQ(open.kept, 7);
}

TEST(BashLine, WordsAreQuotedAsTheLineIs) {
  const std::string word = R"(a$b'c"d\{é)";
  EXPECT_EQ(cmd::quote_for_bash({.words = {}, .quote = '\0', .kept = 1}, word),
            R"(\$b\'c\"d\\\{é)");
  EXPECT_EQ(cmd::quote_for_bash({.words = {}, .quote = '"', .kept = 0}, word), R"(a\$b'c\"d\\{é)");
  EXPECT_EQ(cmd::quote_for_bash({.words = {}, .quote = '\'', .kept = 0}, word), R"(a$b'\''c"d\{é)");
}

}  // namespace
}  // namespace ploopu::testing
