// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach/backend_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ploopu {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> candidates(const std::string& backend, bool as_file) {
  AttachRequest request;
  request.backend = backend;
  request.as_file = as_file;
  std::vector<std::string> names;
  const auto found = candidate_backends(request);
  if (!found) return {found.error().message};
  for (const BackendRules* rules : *found) names.emplace_back(rules->name);
  return names;
}

TEST(BackendRulesTest, AutoTriesThemInTheirOrder) {
  EXPECT_THAT(candidates("auto", false), ElementsAre("nbd", "dm", "fuse"));
  EXPECT_THAT(candidates("auto", true), ElementsAre("fuse"));
  EXPECT_THAT(candidates("dm", false), ElementsAre("dm"));
  EXPECT_THAT(candidates("fuse", true), ElementsAre("fuse"));
}

TEST(BackendRulesTest, WhatCannotBeMeantIsSaid) {
  EXPECT_THAT(candidates("nbd", true),
              ElementsAre("--no-loop: nbd makes block devices only, use --backend fuse"));
  EXPECT_THAT(candidates("dm", true),
              ElementsAre("--no-loop: dm makes block devices only, use --backend fuse"));
  EXPECT_THAT(candidates("loop", false),
              ElementsAre("--backend loop: must be auto, nbd, dm or fuse"));
}

TEST(BackendRulesTest, EachSaysWhatItCannotDo) {
  struct Row {
    bool overlay;
    bool is_strict;
    bool is_excessive;
    const char* passed_over;
  };
  const std::vector<Row> rows = {
      {false, false, false, ""},
      {true, false, false, "dm: makes read-only devices only, without an overlay"},
      {false, true, false, "dm: can't watch the image, which --strict needs"},
      {false, false, true,
       "nbd: the disk has too many partitions, and the kernel creates a node for each: use dm or "
       "fuse"},
  };
  for (const auto& row : rows) {
    AttachRequest request;
    request.overlay.wanted = row.overlay;
    request.is_strict = row.is_strict;
    DiskLayout layout;
    layout.is_excessive = row.is_excessive;
    PassedOver passed_over;
    for (const auto& backend : kBackends) {
      auto fits = check_backend_fits(backend, layout, request);
      if (!fits) passed_over.add(backend, std::move(fits).error());
    }
    EXPECT_EQ(passed_over.text(), row.passed_over);
  }
}

TEST(PassedOverTest, NamesEachBackendOnceAndKeepsTheLastKind) {
  PassedOver passed_over;
  EXPECT_TRUE(passed_over.empty());
  passed_over.add(kBackends[0], {ErrorKind::missing_kernel_part, "no module"});
  passed_over.add(kBackends[1], {ErrorKind::usage, "dm: has no overlay"});
  EXPECT_EQ(passed_over.text(), "nbd: no module; dm: has no overlay");
  const Error error = passed_over.error(2);
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_EQ(error.message, "no back end can be used: nbd: no module; dm: has no overlay");
  PassedOver one;
  one.add(kBackends[0], {ErrorKind::missing_kernel_part, "no module"});
  EXPECT_EQ(one.error(1).message, "nbd: no module");
}

}  // namespace
}  // namespace ploopu
