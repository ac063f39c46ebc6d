// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/runtime_dir.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/os/sysfs.hpp"
#include "tests/support/sample_record.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(RuntimePath, IsTheFirstPlaceOfTheUser) {
  const TemporaryDirectory dir;
  const uid_t user = ::geteuid();
  RuntimePlaces places{"", dir / "home", dir / "users", dir / "tmp"};
  EXPECT_EQ(runtime_path(places, user), fmt::format("{}/ploopu-{}", places.temporary, user));
  const std::string ours = fmt::format("{}/{}", places.users, user);
  std::filesystem::create_directories(ours);
  EXPECT_EQ(runtime_path(places, user), ours + "/ploopu");
  places.given = "/given";
  EXPECT_EQ(runtime_path(places, user), "/given/ploopu");
}

TEST(RuntimePath, A16_ADirectoryOfAnotherUserIsPassedOver) {
  const TemporaryDirectory dir;
  // The directory is of the user who runs the test, and `user` is another one.
  const uid_t user = ::geteuid() + 1;
  RuntimePlaces places{"", dir / "home", dir / "users", dir / "tmp"};
  std::filesystem::create_directories(fmt::format("{}/ploopu-{}", places.temporary, user));
  std::filesystem::create_directories(fmt::format("{}/{}", places.users, user));
  EXPECT_EQ(runtime_path(places, user), dir / "home/.ploopu");
}

TEST(RuntimeDir, RecordsComeBackAsTheyWere) {
  const TemporaryDirectory dir;
  const auto runtime = RuntimeDir::open(dir / "run");
  ASSERT_TRUE(runtime) << runtime.error().message;
  const Record saved = sample_record();
  ASSERT_TRUE(runtime->save(saved));
  const auto all = runtime->load_all().value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].id, saved.id);
  EXPECT_EQ(record_text(all[0]), record_text(saved));
  EXPECT_TRUE(all[0].is_readable);
  EXPECT_FALSE(all[0].is_unfinished());
  EXPECT_EQ(all[0].servers.front().start_time, 456U);
  ASSERT_TRUE(runtime->save_servers(saved.id, {{124, 457}, {123, 456}}));
  EXPECT_EQ(runtime->load_all().value()[0].server.pid, 124);
  EXPECT_EQ(runtime->load_all().value()[0].servers.size(), 2U);
  runtime->remove(saved.id);
  EXPECT_THAT(runtime->load_all().value(), IsEmpty());
}

// A command that took the record for a damaged one would save it again, without what it says.
TEST(RuntimeDir, ARecordThatCannotBeReadNowIsAnError) {
  const TemporaryDirectory dir;
  const auto runtime = RuntimeDir::open(dir / "run");
  const Record saved = sample_record();
  ASSERT_TRUE(runtime->save(saved));
  const auto folder = std::filesystem::path(dir / "run") / saved.id;
  std::filesystem::rename(folder / "attachment.json", folder / "elsewhere");
  std::filesystem::create_symlink("elsewhere", folder / "attachment.json");
  const auto records = runtime->load_all();
  ASSERT_FALSE(records);
  EXPECT_THAT(records.error().message, HasSubstr(saved.id + "/attachment.json: "));
}

TEST(RuntimeDir, AListThatCannotBeReadNowIsAnError) {
  const TemporaryDirectory dir;
  const auto runtime = RuntimeDir::open(dir / "run");
  std::filesystem::rename(dir / "run", dir / "elsewhere");
  std::filesystem::create_symlink("elsewhere", dir / "run");
  EXPECT_FALSE(runtime->load_all());
}

TEST(RuntimeDir, H71_ADamagedRecordKeepsItsIdAndNothingElse) {
  const TemporaryDirectory dir;
  const auto runtime = RuntimeDir::open(dir / "run");
  const Record saved = sample_record();
  ASSERT_TRUE(runtime->save(saved));
  const std::string file = dir / "run/" + saved.id + "/attachment.json";
  std::vector<std::string> contents = {"", "{", "[]", "{\"image\": 5}", "null", "{\"schema\": 2}"};
  // The record, truncated at each byte.
  const std::string whole = *read_attribute(file);
  for (size_t length = 1; length + 1 < whole.size(); ++length) {
    contents.push_back(whole.substr(0, length));
  }
  for (const std::string& content : contents) {
    std::ofstream(file) << content;
    const auto all = runtime->load_all().value();
    ASSERT_EQ(all.size(), 1U) << content;
    EXPECT_EQ(all[0].id, saved.id);
    EXPECT_EQ(all[0].image, "");
    EXPECT_FALSE(all[0].is_readable);
    EXPECT_FALSE(all[0].is_unfinished());  // so no sweep removes its device
  }
  std::filesystem::create_directory(dir / "run/not-an-id");
  EXPECT_EQ(runtime->load_all()->size(), 1U);
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
  // A link to a good directory is refused: its owner can change the link later.
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
  EXPECT_THAT(runtime.error().message, HasSubstr("must be a directory that you own"));
}

// ploopu looks for mounts in the directory by the path that the kernel shows.
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
