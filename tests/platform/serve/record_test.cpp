// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/support/sample_record.hpp"

namespace ploopu::testing {
namespace {

using nlohmann::json;

// A record as ploopu 0.1 wrote it: an update must find the attachments of its predecessor.
constexpr char kWritten[] = R"({
  "schema": 1, "image": "/vz/Gr\u00c3\u00b6\u00c3\u009fe\u00ff\n\"/root.hdd", "newest_delta": "/vz/b",
  "chain": [[18446744073709551615, 42, "/vz/\u00ff.hds", 1048576, -5], [0, 1, "/vz/b", 0, 7]],
  "name": "web\u00ff", "ctid": "101", "snapshot": "{1}", "root": "/", "backend": "nbd",
  "device": "/dev/nbd0", "is_file": false, "has_overlay": true, "is_strict": true,
  "scratch": [7, 18446744073709551615], "is_users_overlay": true, "overlay_file": "/scratch/\u00fe",
  "partitions": [{"number": 1, "device": "/dev/nbd0p1"}], "server": [123, 456],
  "queue": {"read_ahead_kb": "128"}, "loops": 3, "mountpoints": ["/mnt", "/mnt/\u0080"],
  "mount_ids": [77, 0]})";

TEST(Records, HaveTheFormOfEarlierVersions) {
  EXPECT_EQ(json::parse(record_text(sample_record())), json::parse(kWritten));
  EXPECT_EQ(record_text(parse_record(kWritten)), record_text(sample_record()));
}

TEST(Records, OfOlderVersionsLackWhatCameLater) {
  json older = json::parse(kWritten);
  for (const char* later : {"name", "ctid", "snapshot", "has_overlay", "is_strict", "overlay_file",
                            "scratch", "is_users_overlay", "queue", "loops", "mount_ids"}) {
    older.erase(later);
  }
  const Record record = parse_record(older.dump());
  ASSERT_TRUE(record.is_readable);
  EXPECT_EQ(record.name, "");
  EXPECT_EQ(record.ctid, std::nullopt);
  EXPECT_FALSE(record.is_strict);
  EXPECT_EQ(record.overlay_file, "");
  EXPECT_EQ(record.mounts.front(), (NotedMount{"/mnt", 0}));
  for (const char* needed : {"image", "newest_delta", "chain", "root", "backend", "device",
                             "is_file", "partitions", "server", "mountpoints"}) {
    json damaged = older;
    damaged.erase(needed);
    EXPECT_FALSE(parse_record(damaged.dump()).is_readable) << needed;
  }
}

TEST(Records, ARecordOfAnOlderVersionHasOnlyTheIdentityOfItsFiles) {
  std::string text = record_text(sample_record());
  const std::string newer = ",\"/vz/b\",0,7]";
  ASSERT_NE(text.find(newer), std::string::npos) << text;
  text.replace(text.find(newer), newer.size(), "]");
  const Record record = parse_record(text);
  ASSERT_TRUE(record.is_readable);
  EXPECT_EQ(record.image_state.files[1], (FileState{{0, 1}, "", 0, 0}));
}

// Cut to fewer bits, the number is the ID of another process or the number of another file.
TEST(Records, ANumberThatDoesNotFitIsDamage) {
  const std::string sound = record_text(sample_record());
  ASSERT_TRUE(parse_record(sound).is_readable);
  for (const auto& [from, to] : {std::pair{"[123,456]", "[4294967419,456]"},
                                 {"[123,456]", "[-4294967173,456]"},
                                 {"[123,456]", "[123.5,456]"},
                                 {"[123,456]", "[123,1e300]"},
                                 {"[18446744073709551615,42,", "[18446744073709551616,42,"},
                                 {"[18446744073709551615,42,", "[-1,42,"},
                                 {",1048576,-5]", ",-1,-5]"},
                                 {",1048576,-5]", ",1048576,9223372036854775808]"},
                                 {"\"number\":1", "\"number\":4294967297"},
                                 {"\"loops\":3", "\"loops\":1e20"},
                                 {"\"schema\":1", "\"schema\":4294967297"},
                                 {"\"schema\":1", "\"schema\":2"}}) {
    std::string text = sound;
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), std::string(from).size(), to);
    const Record record = parse_record(text);
    EXPECT_FALSE(record.is_readable) << to;
    EXPECT_EQ(record.server.pid, 0) << to;
    EXPECT_EQ(record.image, "") << to;
  }
}

}  // namespace
}  // namespace ploopu::testing
