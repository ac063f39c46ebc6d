// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/disk_descriptor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/format/ploop_header.hpp"
#include "tests/support/descriptors.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

Result<std::vector<DescriptorImage>> live_chain(const DiskDescriptor& descriptor) {
  PLOOPU_TRY(const auto top, find_shot(descriptor, "", "DD"));
  return chain_to(descriptor, top, "DD");
}

void expect_refused(const std::string& text, const std::string& words) {
  const auto parsed = parse_disk_descriptor(text, "DD");
  ASSERT_FALSE(parsed) << text;
  EXPECT_EQ(parsed.error().kind, ErrorKind::damaged);
  EXPECT_THAT(parsed.error().message, HasSubstr(words));
}

std::vector<std::string> chain_files(const DescriptorText& text) {
  const auto parsed = parse_disk_descriptor(text.str(), "DD");
  EXPECT_TRUE(parsed) << parsed.error().message;
  const auto chain = live_chain(*parsed);
  EXPECT_TRUE(chain) << chain.error().message;
  std::vector<std::string> files;
  for (const auto& image : *chain) files.push_back(image.file);
  return files;
}

std::string chain_error(const DescriptorText& text) {
  const auto chain = live_chain(*parse_disk_descriptor(text.str(), "DD"));
  EXPECT_FALSE(chain);
  EXPECT_EQ(chain.error().kind, ErrorKind::damaged);
  return chain.error().message;
}

TEST(DiskDescriptor, Row48_BothRootNamesAndNumbers) {
  for (const char* root : {"Parallels_disk_image", "Virtuozzo_disk_image"}) {
    const auto parsed = parse_disk_descriptor(
        DescriptorText{.root = root, .disk_sectors = " 1000 ", .cluster_sectors = "0x800"}.str(),
        "DD");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->disk_sectors, 1000U);
    EXPECT_EQ(parsed->cluster_sectors, 2048U);
    EXPECT_EQ(parsed->images.at(0).file, "root.hds");
  }
  const auto largest = DescriptorText{.cluster_sectors = std::to_string(kMaxClusterSectors)}.str();
  EXPECT_TRUE(parse_disk_descriptor(largest, "DD"));
}

TEST(DiskDescriptor, Row48_CommentsCdataOrderAndUnknownElementsDoNotMatter) {
  const auto parsed = parse_disk_descriptor(
      DescriptorText{.images =
                         "<!-- x --><Image><File> <![CDATA[a & b]]> </File><New/><Type>Plain</Type>"
                         "<GUID>" +
                         guid('A') + "</GUID></Image>"}
          .str(),
      "DD");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->images.at(0).file, "a & b");
  EXPECT_TRUE(parsed->images.at(0).plain);
  EXPECT_EQ(parsed->images.at(0).guid, guid('a'));
}

TEST(DiskDescriptor, H45_H51_RefusesWhatIsMissingOrWrong) {
  expect_refused("", "empty");
  expect_refused("<a", "not well-formed XML");
  expect_refused("<a></b>", "not well-formed XML");
  expect_refused("<a/>", "<a> has no <Disk_Parameters>");
  expect_refused(DescriptorText{.disk_sectors = "-5"}.str(), "<Disk_size> is '-5'");
  expect_refused(DescriptorText{.disk_sectors = "100000000000000000000"}.str(), "<Disk_size>");
  expect_refused(DescriptorText{.disk_sectors = "12x"}.str(), "<Disk_size>");
  expect_refused(DescriptorText{.cluster_sectors = "0"}.str(), "<Blocksize> is 0");
  expect_refused(DescriptorText{.images = image_xml("nonsense", "f")}.str(),
                 "<GUID> is 'nonsense'");
  expect_refused(DescriptorText{.images = image_xml(guid('1'), "")}.str(), "<File> is empty");
  expect_refused(DescriptorText{.images = image_xml(guid('1'), "f", "Sparse")}.str(), "Sparse");
  expect_refused(DescriptorText{.images = image_xml(guid('1'), "a<!-- -->b")}.str(), "<File>");
  expect_refused(DescriptorText{.images = image_xml(guid('1'), "a<x/>")}.str(), "<File>");
}

TEST(DiskDescriptor, H61_EncryptionInEveryForm) {
  const std::string key = "{f0a4b9d1-1111-4444-8888-0123456789ab}";
  for (const std::string& encrypted :
       {"<Encryption><Engine>" + key + "</Engine><Data>x</Data></Encryption>",
        std::string("<Encryption/><Encryption><KeyId>k</KeyId></Encryption>"),
        std::string("<Encryption><KeyId><![CDATA[k]]></KeyId></Encryption>")}) {
    expect_refused(DescriptorText{.parameters = encrypted}.str(), "encrypted");
  }
  const std::string plain =
      std::string("<Encryption><Engine>") + kNull + "</Engine><Data></Data></Encryption>";
  EXPECT_TRUE(parse_disk_descriptor(DescriptorText{.parameters = plain}.str(), "DD"));
}

TEST(DiskDescriptor, H50_NumbersAreDigitsAndNothingElse) {
  for (const char* number : {"-1", "+1", "100000000000000000000", "1e9", "12x", "0x", "0xg", "1 0",
                             "1,000", "0b1", "\xd9\xa1", "", "18446744073709551616"}) {
    expect_refused(DescriptorText{.disk_sectors = number}.str(), "<Disk_size> is");
    expect_refused(DescriptorText{.cluster_sectors = number}.str(), "<Blocksize> is");
  }
  for (const char* number : {"64", "\n\t64 ", "0x40", "0X40", "064"}) {
    const auto parsed = parse_disk_descriptor(DescriptorText{.disk_sectors = number}.str(), "DD");
    ASSERT_TRUE(parsed) << number;
    EXPECT_EQ(parsed->disk_sectors, 64U);
  }
}

TEST(DiskDescriptor, H59_OnlyOneWholeTextIsAText) {
  for (const char* file : {"root<!-- -->.hds", "<!-- -->root.hds", "root.hds<!-- -->",
                           "root<b/>.hds", "<b>root.hds</b>", "<b>x</b>root.hds", "root.hds<?pi?>",
                           "a<![CDATA[b]]>", "<![CDATA[a]]><![CDATA[b]]>"}) {
    expect_refused(DescriptorText{.images = image_xml(kFixedTop, file)}.str(), "<File>");
  }
  expect_refused(DescriptorText{.disk_sectors = "6<!-- -->4"}.str(), "<Disk_size>");
  const auto whole = parse_disk_descriptor(
      DescriptorText{.images = image_xml(kFixedTop, "<![CDATA[a<b]]>")}.str(), "DD");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->images.at(0).file, "a<b");
}

TEST(DiskDescriptor, H59_InclusionsAreNotFollowedAndPrefixesAreOtherNames) {
  const std::string include =
      "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='/etc/passwd' parse='text'/>";
  expect_refused(DescriptorText{.images = image_xml(kFixedTop, include)}.str(), "<File> is empty");
  EXPECT_TRUE(parse_disk_descriptor(DescriptorText{.parameters = include}.str(), "DD"));
  std::string text = DescriptorText{}.str();
  for (const char* tag : {"<File>", "</File>"}) {
    text.replace(text.find(tag), std::string(tag).size(),
                 std::string(tag).insert(std::string(tag).find('F'), "x:"));
  }
  expect_refused(text, "<Image> has no <File>");
}

// The first counts for some parsers, the last for others.
TEST(DiskDescriptor, ElementsThatAreThereTwiceAreRefused) {
  const std::string whole = DescriptorText{.top = "<TopGUID>" + guid('1') + "</TopGUID>"}.str();
  for (const char* element : {"Disk_Parameters", "Disk_size", "StorageData", "Blocksize", "GUID",
                              "Type", "File", "Snapshots", "TopGUID", "ParentGUID"}) {
    std::string text = whole;
    const size_t start = text.find(fmt::format("<{}>", element));
    const std::string end = fmt::format("</{}>", element);
    const std::string copy = text.substr(start, text.find(end) + end.size() - start);
    text.insert(start, copy);
    expect_refused(text, fmt::format("more than one <{}>", element));
  }
}

TEST(DiskDescriptor, H44_OddFileNames) {
  expect_refused(DescriptorText{.images = image_xml(kFixedTop, "")}.str(), "<File> is empty");
  expect_refused(DescriptorText{.images = image_xml(kFixedTop, "a&#0;b")}.str(), "NUL");
  expect_refused(DescriptorText{.images = image_xml(kFixedTop, std::string(65536, 'a'))}.str(),
                 "<File> is 65536 bytes long");
}

// The parser would read "root.hds" and drop the rest.
TEST(DiskDescriptor, H44_ANulInDisguiseIsRefused) {
  for (const char* nul : {"&#0;", "&#000;", "&#x0;", "&#x000;", "&#4294967296;", "&#x100000000;"}) {
    expect_refused(
        DescriptorText{.images = image_xml(kFixedTop, std::string("root.hds") + nul + "evil")}
            .str(),
        "NUL");
  }
  EXPECT_TRUE(parse_disk_descriptor(
      DescriptorText{.images = image_xml(kFixedTop, "root&#48;.hds&#x30;")}.str(), "DD"));
}

TEST(DiskDescriptor, H52_H61_Row42_SeveralStorageElementsAndEncryption) {
  std::string text = DescriptorText{}.str();
  text.replace(text.find("<StorageData>"), 13, "<StorageData><Storage></Storage>");
  expect_refused(text, "2 <Storage>");
  expect_refused(DescriptorText{.parameters = "<Encryption><KeyId>k1</KeyId></Encryption>"}.str(),
                 "encrypted");
  EXPECT_TRUE(parse_disk_descriptor(
      DescriptorText{.parameters = "<Encryption><KeyId></KeyId></Encryption>"}.str(), "DD"));
}

TEST(DiskDescriptor, Row49_H57_EntitiesAndDepthBeforeParsing) {
  expect_refused("<!DOCTYPE a [<!ENTITY x \"y\">]>" + DescriptorText{}.str(), "document type");
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  expect_refused(deep, "elements");
}

TEST(DiskDescriptor, ChainIsBaseFirst) {
  EXPECT_EQ(chain_files({.images = image_xml(guid('3'), "top") + image_xml(guid('1'), "base") +
                                   image_xml(guid('2'), "middle") + image_xml(guid('9'), "other"),
                         .top = "<TopGUID>" + guid('3') + "</TopGUID>",
                         .shots = shot_xml(guid('1'), kNull) + shot_xml(guid('2'), guid('1')) +
                                  shot_xml(guid('3'), guid('2')) + shot_xml(guid('9'), guid('1'))}),
            (std::vector<std::string>{"base", "middle", "top"}));
}

TEST(DiskDescriptor, Row34_Row35_Row36_TopIsTopGuidElseTheFixedGuidElseAnError) {
  DescriptorText text{.images = image_xml(kFixedTop, "fixed") + image_xml(guid('A'), "random"),
                      .shots = shot_xml(kFixedTop, kNull) + shot_xml(guid('a'), kNull)};
  EXPECT_EQ(chain_files(text), std::vector<std::string>{"fixed"});
  text.top = "<TopGUID>" + guid('A') + "</TopGUID>";
  EXPECT_EQ(chain_files(text), std::vector<std::string>{"random"});
  text.top = "";
  text.shots = shot_xml(guid('a'), kNull);
  EXPECT_THAT(chain_error(text), HasSubstr("<TopGUID>"));
}

TEST(DiskDescriptor, ALoneImageNeedsNoShot) {
  EXPECT_EQ(chain_files({.images = image_xml(guid('7'), "only"), .shots = ""}),
            std::vector<std::string>{"only"});
}

TEST(DiskDescriptor, H45_H46_Row38_Row39_BrokenChains) {
  DescriptorText text{.images = image_xml(guid('1'), "a") + image_xml(guid('2'), "b"),
                      .top = "<TopGUID>" + guid('2') + "</TopGUID>"};
  text.shots = shot_xml(guid('2'), guid('5'));
  EXPECT_THAT(chain_error(text), HasSubstr("no <Shot> has the GUID " + guid('5')));
  text.shots = shot_xml(guid('2'), guid('5')) + shot_xml(guid('5'), kNull);
  EXPECT_THAT(chain_error(text), HasSubstr("no <Image> has the GUID " + guid('5')));
  text.shots = shot_xml(guid('2'), guid('1')) + shot_xml(guid('1'), guid('2'));
  EXPECT_THAT(chain_error(text), HasSubstr("own ancestor"));
  text.shots = shot_xml(guid('2'), guid('2'));
  EXPECT_THAT(chain_error(text), HasSubstr("own ancestor"));
  text.shots = shot_xml(guid('2'), guid('1')) + shot_xml(guid('1'), guid('1'));
  EXPECT_THAT(chain_error(text), HasSubstr("own ancestor"));
  text.top = "<TopGUID>" + guid('9') + "</TopGUID>";
  EXPECT_THAT(chain_error(text), HasSubstr("no <Shot> has the GUID " + guid('9')));
  text.top = std::string("<TopGUID>") + kNull + "</TopGUID>";
  EXPECT_THAT(chain_error(text), HasSubstr("null GUID"));
}

TEST(DiskDescriptor, H46_Row41_ChainsAreLongButNotEndless) {
  const auto numbered = [](size_t i) {
    return fmt::format("{{{:08x}-0000-0000-0000-000000000001}}", i);
  };
  const auto text_of = [&](size_t length) {
    DescriptorText text{
        .images = "", .top = "<TopGUID>" + numbered(length) + "</TopGUID>", .shots = ""};
    for (size_t i = 1; i <= length; ++i) {
      text.images += image_xml(numbered(i), "f");
      text.shots += shot_xml(numbered(i), i == 1 ? kNull : numbered(i - 1));
    }
    return text;
  };
  EXPECT_EQ(chain_files(text_of(kMaxChainLength)).size(), kMaxChainLength);
  EXPECT_THAT(chain_error(text_of(kMaxChainLength + 1)), HasSubstr("more than 512"));
  expect_refused(text_of(10000).str(), "elements");
}

// A tree: 1 - 2 - top, and 3 beside 2.
class ShotTest : public ::testing::Test {
 protected:
  ShotTest() {
    DescriptorText text;
    text.images = image_xml(guid('1'), "a") + image_xml(guid('2'), "b") +
                  image_xml(guid('3'), "c") + image_xml(kFixedTop, "d");
    text.shots = shot_xml(guid('1'), kNull) + shot_xml(guid('2'), guid('1')) +
                 shot_xml(guid('3'), guid('1')) + shot_xml(kFixedTop, guid('2'));
    descriptor_ = *parse_disk_descriptor(text.str(), "DD");
  }

  std::string files_of(const std::string& which) {
    const auto shot = find_shot(descriptor_, which, "DD");
    if (!shot) return shot.error().message;
    std::string files;
    const auto chain = chain_to(descriptor_, *shot, "DD");
    for (const auto& image : *chain) files += image.file;
    return files;
  }

  DiskDescriptor descriptor_;
};

TEST_F(ShotTest, ByEveryName) {
  EXPECT_EQ(files_of(""), "abd");
  EXPECT_EQ(files_of("top"), "abd");
  EXPECT_EQ(files_of("base"), "a");
  EXPECT_EQ(files_of("BASE"), "a");
  EXPECT_EQ(files_of("Top"), files_of("top"));
  EXPECT_EQ(files_of(guid('2')), "ab");
  EXPECT_EQ(files_of(guid('3').substr(1, 36)), "ac");
  EXPECT_EQ(files_of("33"), "ac");
  EXPECT_EQ(files_of("{33"), "ac");
  EXPECT_EQ(files_of("5FBAABE3"), "abd");
}

TEST_F(ShotTest, NoneOrSeveral) {
  for (const char* none : {"4", "{}", "{", "zz", "11111111-1111-1111-1111-1111111111111"}) {
    EXPECT_EQ(find_shot(descriptor_, none, "DD").error().kind, ErrorKind::not_found) << none;
  }
  descriptor_.shots.push_back({"{11000000-0000-0000-0000-000000000000}", kNull});
  const auto several = find_shot(descriptor_, "11", "DD");
  ASSERT_FALSE(several);
  EXPECT_EQ(several.error().kind, ErrorKind::usage);
  EXPECT_THAT(several.error().message, HasSubstr("2 snapshots"));
}

}  // namespace
}  // namespace ploopu::testing
