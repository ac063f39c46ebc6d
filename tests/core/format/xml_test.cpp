// SPDX-License-Identifier: GPL-2.0-or-later
// XML that attacks its parser, or that two parsers would read differently.
#include "core/format/xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/disk/snapshots.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;

std::string repeat(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string nest(size_t depth) { return repeat("<a>", depth) + repeat("</a>", depth); }

std::string attributes(size_t count) {
  std::string text = "<a";
  for (size_t i = 0; i < count; ++i) text += fmt::format(" a{}=''", i);
  return text + "/>";
}

bool is_accepted(const std::string& text) {
  pugi::xml_document document;
  return parse_xml(text, "X", document).has_value();
}

void expect_xml_refused(const std::string& text, const std::string& words) {
  pugi::xml_document document;
  const auto parsed = parse_xml(text, "X", document);
  ASSERT_FALSE(parsed) << text.substr(0, 100);
  EXPECT_EQ(parsed.error().kind, ErrorKind::damaged);
  EXPECT_THAT(parsed.error().message, HasSubstr(words));
  EXPECT_LT(parsed.error().message.size(), 200U);
}

TEST(Xml, H54_EntityBombsAreRefusedBeforeParsing) {
  expect_xml_refused("<!DOCTYPE a [<!ENTITY b \"" + repeat("x", 100000) + "\">]><a>" +
                         repeat("&b;", 25000) + "</a>",
                     "document type");
  expect_xml_refused("<a><!ENTITY b \"c\"></a>", "document type");
}

TEST(Xml, H55_ExternalEntitiesAreRefused) {
  expect_xml_refused("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
                     "document");
  expect_xml_refused("<!DOCTYPE a SYSTEM \"http://127.0.0.1/x.dtd\"><a/>", "document type");
  expect_xml_refused("<!DOCTYPE a [<!ENTITY % b SYSTEM \"x\"> %b;]><a/>", "document type");
}

TEST(Xml, H56_TooManyAttributesAreRefused) {
  EXPECT_TRUE(is_accepted(attributes(kMaxXmlAttributes)));
  expect_xml_refused(attributes(kMaxXmlAttributes + 1), "more than 16 attributes");
  expect_xml_refused(attributes(50000), "more than 16 attributes");
}

TEST(Xml, H57_DepthAndElementsHaveALimit) {
  EXPECT_TRUE(is_accepted(nest(kMaxXmlDepth)));
  expect_xml_refused(nest(kMaxXmlDepth + 1), "deeper than 32");
  expect_xml_refused(nest(kMaxXmlElements), "deeper than 32");
  expect_xml_refused(nest(100000), "elements");
  EXPECT_TRUE(is_accepted("<r>" + repeat("<a/>", kMaxXmlElements - 1) + "</r>"));
  expect_xml_refused("<r>" + repeat("<a/>", kMaxXmlElements) + "</r>", "more than 10000 elements");
}

TEST(Xml, H57_SnapshotsMayBeNestedAsDeepAsAChain) {
  const std::string item =
      "<SavedStateItem guid=\"{00000000-0000-0000-0000-000000000001}\"><Name>n</Name>";
  const auto names = [&](size_t depth) {
    return parse_snapshot_names("<S><SavedStateItem>" + repeat(item, depth) +
                                    repeat("</SavedStateItem>", depth + 1) + "</S>",
                                "X");
  };
  ASSERT_TRUE(names(kMaxChainLength)) << names(kMaxChainLength).error().message;
  EXPECT_EQ(names(kMaxChainLength)->size(), kMaxChainLength);
  EXPECT_FALSE(names(2 * kMaxChainLength));
}

TEST(Xml, H58_OnlyUtf8) {
  EXPECT_TRUE(is_accepted("\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?><a>\xc3\xa4</a>"));
  const std::string text = "<a/>";
  std::string little;
  std::string big;
  for (const char c : text) {
    little += std::string{c, '\0'};
    big += std::string{'\0', c};
  }
  expect_xml_refused("\xff\xfe" + little, "");
  expect_xml_refused("\xfe\xff" + big, "");
  expect_xml_refused(little, "NUL");
  expect_xml_refused(big, "NUL");
  expect_xml_refused("+/v8-+ADw-a/+AD4-", "outside of its root");
  expect_xml_refused("+ADw-a/+AD4-", "outside of its root");
  expect_xml_refused("<a>\xe4</a>", "not UTF-8");
  expect_xml_refused("<a>\xc0\xbc</a>", "not UTF-8");      // '<', too long
  expect_xml_refused("<a>\xed\xa0\x80</a>", "not UTF-8");  // half a surrogate pair
  expect_xml_refused("<a>\xf5\x80\x80\x80</a>", "not UTF-8");
  for (const char* label : {"UTF-16", "UTF-7", "ISO-8859-1", "", "UTF-8x"}) {
    expect_xml_refused(fmt::format("<?xml version='1.0' encoding='{}'?><a/>", label), "encoding");
  }
  expect_xml_refused("<a/><?xml version='1.0' encoding='UTF-16'?>", "encoding");
}

TEST(Xml, OneRootAndNothingBesideIt) {
  EXPECT_TRUE(is_accepted("<?xml version='1.0'?>\n<!-- c -->\n<?pi?>\n<a/>\n<!-- c -->\n"));
  expect_xml_refused("<a/><a/>", "2 root elements");
  expect_xml_refused("<a/><b/>", "2 root elements");
  expect_xml_refused("<!-- only -->", "0 root elements");
  expect_xml_refused("x<a/>", "outside of its root");
  expect_xml_refused("<a/>x", "outside of its root");
  expect_xml_refused("<a/><![CDATA[x]]>", "outside of its root");
}

}  // namespace
}  // namespace ploopu::testing
