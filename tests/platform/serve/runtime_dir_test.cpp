// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/runtime_dir.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/os/sysfs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Record sample_record() {
  Record record;
  record.id = random_id();
  record.name = "web\xff";
  record.image = "/vz/Größe\xff\n\"/root.hdd";
  record.image_state.files = {{{UINT64_MAX, 42}, "/vz/\xff.hds", 1048576, -5},
                              {{0, 1}, "/vz/b", 0, 7}};
  record.ctid = "101";
  record.root = "/";
  record.backend = "nbd";
  record.device = "/dev/nbd0";
  record.partitions = {{1, "/dev/nbd0p1"}};
  record.server = {123, 456};
  record.loops = 3;
  record.has_overlay = true;
  record.scratch = {7, UINT64_MAX};
  record.mountpoints = {"/mnt", "/mnt/\x80"};
  return record;
}

TEST(RuntimeDir, RecordsComeBackAsTheyWere) {
  const TemporaryDirectory dir;
  const auto runtime = RuntimeDir::open(dir / "run");
  ASSERT_TRUE(runtime) << runtime.error().message;
  const Record saved = sample_record();
  ASSERT_TRUE(runtime->save(saved));
  const auto all = runtime->load_all();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, saved.id);
  EXPECT_EQ(all[0].name, saved.name);
  EXPECT_EQ(all[0].image, saved.image);
  EXPECT_EQ(all[0].image_state, saved.image_state);
  EXPECT_EQ(all[0].ctid, saved.ctid);
  EXPECT_EQ(all[0].device, saved.device);
  EXPECT_TRUE(all[0].is_readable);
  EXPECT_FALSE(all[0].is_unfinished());
  EXPECT_EQ(all[0].partitions[0].device, "/dev/nbd0p1");
  EXPECT_EQ(all[0].server.start_time, 456U);
  EXPECT_EQ(all[0].loops, 3U);
  EXPECT_TRUE(all[0].has_overlay);
  EXPECT_EQ(all[0].scratch, saved.scratch);
  EXPECT_EQ(all[0].mountpoints, saved.mountpoints);
  runtime->remove(saved.id);
  EXPECT_THAT(runtime->load_all(), IsEmpty());
}

TEST(RuntimeDir, ARecordOfAnOlderVersionHasOnlyTheIdentityOfItsFiles) {
  std::string text = record_text(sample_record());
  const std::string newer = ",\"/vz/b\",0,7]";
  ASSERT_NE(text.find(newer), std::string::npos) << text;
  text.replace(text.find(newer), newer.size(), "]");
  const Record record = parse_record(text);
  ASSERT_TRUE(record.is_readable);
  EXPECT_EQ(record.image_state.files[1], (FileState{{0, 1}, "", 0, 0}));
}

TEST(RuntimeDir, H71_ADamagedRecordKeepsItsIdAndNothingElse) {
  const TemporaryDirectory dir;
  const auto runtime = RuntimeDir::open(dir / "run");
  const Record saved = sample_record();
  ASSERT_TRUE(runtime->save(saved));
  const std::string file = dir / "run/" + saved.id + "/attachment.json";
  std::vector<std::string> contents = {"", "{", "[]", "{\"image\": 5}", "null", "{\"schema\": 2}"};
  // Cut anywhere.
  const std::string whole = *read_attribute(file);
  for (size_t length = 1; length + 1 < whole.size(); ++length) {
    contents.push_back(whole.substr(0, length));
  }
  for (const std::string& content : contents) {
    std::ofstream(file) << content;
    const auto all = runtime->load_all();
    ASSERT_EQ(all.size(), 1U) << content;
    EXPECT_EQ(all[0].id, saved.id);
    EXPECT_EQ(all[0].image, "");
    EXPECT_FALSE(all[0].is_readable);
    EXPECT_FALSE(all[0].is_unfinished());  // so nothing of it is taken down unasked
  }
  std::filesystem::create_directory(dir / "run/not-an-id");
  EXPECT_EQ(runtime->load_all().size(), 1U);
}

// Cut to fewer bits it would be the ID of another process, or the number of another file.
TEST(RuntimeDir, ANumberThatDoesNotFitIsDamage) {
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
                                 {"\"schema\":1", "\"schema\":4294967297"}}) {
    std::string text = sound;
    ASSERT_NE(text.find(from), std::string::npos) << from;
    text.replace(text.find(from), std::string(from).size(), to);
    const Record record = parse_record(text);
    EXPECT_FALSE(record.is_readable) << to;
    EXPECT_EQ(record.server.pid, 0) << to;
    EXPECT_EQ(record.image, "") << to;
  }
}

TEST(RuntimeDir, H70_OneThatOthersCanReachIsRefused) {
  const TemporaryDirectory dir;
  std::filesystem::create_directory(dir / "open");
  for (const mode_t mode : {0755U, 0710U, 0701U, 01777U, 0702U}) {
    ASSERT_EQ(::chmod((dir / "open").c_str(), mode), 0);
    const auto shared = RuntimeDir::open(dir / "open");
    ASSERT_FALSE(shared) << mode;
    EXPECT_EQ(shared.error().kind, ErrorKind::not_permitted);
    EXPECT_THAT(shared.error().message, HasSubstr(dir / "open: must be a directory that you own"));
  }
  ASSERT_EQ(::chmod((dir / "open").c_str(), 0700), 0);
  EXPECT_TRUE(RuntimeDir::open(dir / "open"));
  std::filesystem::create_symlink(dir.path(), dir / "link");
  EXPECT_FALSE(RuntimeDir::open(dir / "link"));
  // A link to one that would do is somebody's who may lead it elsewhere later.
  std::filesystem::create_symlink(dir / "open", dir / "good");
  EXPECT_FALSE(RuntimeDir::open(dir / "good"));
  dir.write("file", "");
  EXPECT_FALSE(RuntimeDir::open(dir / "file"));
}

TEST(RuntimeDir, H70_OneThatAnotherUserMadeIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TemporaryDirectory dir;
  std::filesystem::create_directory(dir / "theirs");
  ASSERT_EQ(::chmod((dir / "theirs").c_str(), 0700), 0);
  ASSERT_EQ(::chown((dir / "theirs").c_str(), 1234, 1234), 0);
  const auto runtime = RuntimeDir::open(dir / "theirs");
  ASSERT_FALSE(runtime);
  EXPECT_EQ(runtime.error().kind, ErrorKind::not_permitted);
  EXPECT_THAT(runtime.error().message, HasSubstr("somebody else made it"));
}

// What is mounted in it is looked for under the name that the kernel shows.
TEST(RuntimeDir, HasTheNameThatTheKernelKnows) {
  const TemporaryDirectory dir;
  std::filesystem::create_directory_symlink(dir.path(), dir / "link");
  for (const char* name : {"run/", "link/run", "./run"}) {
    const auto runtime = RuntimeDir::open(dir / name);
    ASSERT_TRUE(runtime) << runtime.error().message;
    EXPECT_EQ(runtime->disk_file("x"), dir / "run/x/disk");
  }
}

TEST(RuntimeDir, TheLockExcludes) {
  const TemporaryDirectory dir;
  const auto runtime = RuntimeDir::open(dir / "run");
  {
    const auto lock = runtime->lock();
    ASSERT_TRUE(lock);
    EXPECT_FALSE(runtime->try_lock().valid());
  }
  EXPECT_TRUE(runtime->try_lock().valid());
}

}  // namespace
}  // namespace ploopu::testing
