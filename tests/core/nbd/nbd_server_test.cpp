// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/nbd/nbd_server.hpp"

#include <gtest/gtest.h>

#include "core/nbd/nbd_wire.hpp"
#include "tests/support/memory_scratch.hpp"
#include "tests/support/nbd_client.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

// A connection whose input is set by a test, and whose output is recorded.
class ScriptedStream final : public nbd::Stream {
 public:
  void add(const Bytes& bytes) { input_.insert(input_.end(), bytes.begin(), bytes.end()); }
  [[nodiscard]] const Bytes& output() const { return output_; }
  [[nodiscard]] size_t sends() const { return sends_; }

  // At most this much at a time.
  void trickle(size_t bytes) { at_once_ = bytes; }
  void make_room(size_t bytes) { collector_.emplace(bytes); }

  size_t receive_some(std::span<std::byte> out) override {
    const size_t size = std::min({out.size(), input_.size() - at_, at_once_});
    std::copy_n(input_.begin() + static_cast<ptrdiff_t>(at_), size, out.begin());
    at_ += size;
    return size;
  }
  bool send(std::span<const std::byte> data) override {
    ++sends_;
    output_.insert(output_.end(), data.begin(), data.end());
    return true;
  }
  DataSink& collector() override { return *collector_; }
  bool send_collected(std::span<const std::byte> head) override {
    Bytes whole(head.begin(), head.end());
    const Bytes data = collector_->take();
    whole.insert(whole.end(), data.begin(), data.end());
    return send(whole);
  }
  void drop_collected() override { collector_->take(); }

 private:
  Bytes input_;
  Bytes output_;
  size_t at_ = 0;
  size_t sends_ = 0;
  size_t at_once_ = SIZE_MAX;
  std::optional<MemoryCollector> collector_{1 << 20};
};

class NbdServerTest : public ::testing::Test {
 protected:
  NbdServerTest() {
    file_ = ploop_file({.cluster_sectors = 8, .disk_sectors = 20, .bat = {1, 0, 99}});
    file_->write(4096, pattern(4096, 1));
    disk_.emplace(*Disk::assemble(chain(open_ploop(file_))));
  }

  nbd::End serve() { return nbd::serve(ServedDisk(*disk_), stream_); }

  std::shared_ptr<MemoryFile> file_;
  std::optional<Disk> disk_;
  ScriptedStream stream_;
};

// The server prefetches the data of all waiting requests from a slow disk, and nothing from a fast
// disk.
TEST_F(NbdServerTest, WhatWaitsBehindASlowReadIsAnnounced) {
  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
  stream_.trickle(2 * nbd::kRequestSize);
  for (uint64_t i = 0; i < 4; ++i) stream_.add(nbd_request(nbd::read, i, i * 512, 512));
  serve();
  EXPECT_EQ(file_->expected(), Ranges{});
  file_->be_slow(std::chrono::milliseconds(2));
  ScriptedStream slow;
  slow.trickle(2 * nbd::kRequestSize);
  for (uint64_t i = 0; i < 4; ++i) slow.add(nbd_request(nbd::read, i, i * 512, 512));
  slow.add(nbd_request(nbd::read, 4, 0, 512));  // alone
  nbd::serve(ServedDisk(*disk_), slow);
  EXPECT_EQ(file_->expected(), (Ranges{{4096 + 1024, 512}, {4096 + 1536, 512}}));
  EXPECT_EQ(slow.output().size(), 5 * (nbd::kReplySize + 512));
}

// Requests that nobody can answer are not announced either.
TEST_F(NbdServerTest, AnnouncingBelievesNoRequest) {
  file_->be_slow(std::chrono::milliseconds(2));
  stream_.trickle(4 * nbd::kRequestSize);
  for (uint64_t i = 0; i < 4; ++i) stream_.add(nbd_request(nbd::read, i, 0, 512));
  stream_.add(nbd_request(nbd::read, 4, UINT64_MAX, UINT32_MAX));
  stream_.add(nbd_request(nbd::read, 5, 10240, 1));
  stream_.add(nbd_request(nbd::read, 6, 4096, 6144));  // a hole, and past the end of the file
  stream_.add(Bytes(nbd::kRequestSize));
  EXPECT_EQ(serve(), nbd::End::out_of_step);
  EXPECT_TRUE(file_->expected().empty());
}

TEST_F(NbdServerTest, ReadsAcrossExtentsAndEndsWithTheSocket) {
  stream_.add(nbd_request(nbd::read, 77, 4000, 200));
  EXPECT_EQ(serve(), nbd::End::disconnected);
  const Bytes data = pattern(4096, 1);
  Bytes expected(data.begin() + 4000, data.end());
  expected.resize(200);
  EXPECT_EQ(stream_.output(), nbd_reply(77, 0, expected));
  EXPECT_EQ(stream_.sends(), 1U);  // the header never leaves before its data
}

TEST_F(NbdServerTest, WhatCannotBeReadIsAnErrorWithoutData) {
  stream_.add(nbd_request(nbd::read, 1, 8000, 400));   // runs into the cluster past the file's end
  stream_.add(nbd_request(nbd::read, 2, 8192, 2048));  // lies in it
  stream_.add(nbd_request(nbd::read, 3, 8000, 192));
  serve();
  Bytes expected = nbd_reply(1, 5);
  for (const Bytes& more : {nbd_reply(2, 5), nbd_reply(3, 0, Bytes(192))}) {
    expected.insert(expected.end(), more.begin(), more.end());
  }
  EXPECT_EQ(stream_.output(), expected);
}

TEST_F(NbdServerTest, OutOfRangeAndHugeRequestsAreInvalid) {
  const auto expect_invalid = [&](uint64_t offset, uint32_t length) {
    ScriptedStream stream;
    stream.add(nbd_request(nbd::read, 9, offset, length));
    nbd::serve(ServedDisk(*disk_), stream);
    EXPECT_EQ(stream.output(), nbd_reply(9, 22)) << offset << " " << length;
  };
  expect_invalid(10240, 1);
  expect_invalid(0, 10241);
  expect_invalid(UINT64_MAX, 2);
  expect_invalid(0, UINT32_MAX);
  expect_invalid(0, nbd::kMaxRequest + 1);
}

TEST_F(NbdServerTest, ARequestHasAGreatestSize) {
  auto file = ploop_file({.cluster_sectors = 131072, .disk_sectors = 131072, .bat = {0}});
  disk_.emplace(*Disk::assemble(chain(open_ploop(file))));
  stream_.add(nbd_request(nbd::read, 1, 0, nbd::kMaxRequest + 1));
  stream_.add(nbd_request(nbd::read, 2, 0, nbd::kMaxRequest));
  serve();
  Bytes expected = nbd_reply(1, 22);
  const Bytes largest = nbd_reply(2, 0, Bytes(nbd::kMaxRequest));
  expected.insert(expected.end(), largest.begin(), largest.end());
  EXPECT_TRUE(stream_.output() == expected) << stream_.output().size();
}

TEST_F(NbdServerTest, WritesAreRefusedAndTheirDataIsSwallowed) {
  stream_.add(nbd_request(nbd::write, 5, 0, 512));
  stream_.add(pattern(512, 3));
  stream_.add(nbd_request(nbd::flush, 6, 0, 0));
  stream_.add(nbd_request(nbd::trim, 7, 0, 512));
  stream_.add(nbd_request(nbd::write_zeroes, 7, 0, 512));
  stream_.add(nbd_request(nbd::write, 7, 0, 0));
  stream_.add(nbd_request(5, 7, 0, 512));  // "cache", which nobody announced
  stream_.add(nbd_request(nbd::disconnect, 8, 0, 0));
  stream_.add(nbd_request(nbd::read, 9, 0, 1));  // never answered
  EXPECT_EQ(serve(), nbd::End::disconnected);
  Bytes expected = nbd_reply(5, 1);
  for (const Bytes& more :
       {nbd_reply(6, 0), nbd_reply(7, 1), nbd_reply(7, 1), nbd_reply(7, 1), nbd_reply(7, 22)}) {
    expected.insert(expected.end(), more.begin(), more.end());
  }
  EXPECT_EQ(stream_.output(), expected);
}

TEST_F(NbdServerTest, WithAnOverlayWritesAreTakenAndRead) {
  const MemoryScratch scratch(disk_->size());
  OwnStates states(disk_->size());
  Overlay overlay(*disk_, scratch, states, 2048);
  const Bytes data = pattern(1024, 8);
  stream_.trickle(100);  // data comes in parts, and after other requests
  const auto write = [&](uint64_t cookie, uint64_t offset) {
    stream_.add(nbd_request(nbd::write, cookie, offset, 1024));
    stream_.add(data);
  };
  write(1, 512);
  stream_.add(nbd_request(nbd::read, 2, 512, 1024));
  write(3, 9728);  // beyond the end
  write(4, 4096);
  write(5, 8192);  // more than the overlay may keep
  stream_.add(nbd_request(nbd::trim, 6, 4096, 1024));
  stream_.add(nbd_request(nbd::read, 7, 4096, 1024));
  stream_.add(nbd_request(nbd::write_zeroes, 8, 10240, 1));
  EXPECT_EQ(nbd::serve(ServedDisk(*disk_, &overlay), stream_), nbd::End::disconnected);
  Bytes expected = nbd_reply(1, 0);
  for (const Bytes& more :
       {nbd_reply(2, 0, data), nbd_reply(3, 22), nbd_reply(4, 0), nbd_reply(5, 28), nbd_reply(6, 0),
        nbd_reply(7, 0, Bytes(1024)), nbd_reply(8, 22)}) {
    expected.insert(expected.end(), more.begin(), more.end());
  }
  EXPECT_EQ(stream_.output(), expected);
}

TEST_F(NbdServerTest, R13_NothingOfARefusedDiskIsServed) {
  const MemoryScratch scratch(disk_->size());
  OwnStates states(disk_->size());
  Overlay overlay(*disk_, scratch, states, disk_->size());
  ServiceState state;
  const ServedDisk served(*disk_, &overlay, &state);
  state.is_refused = true;
  stream_.add(nbd_request(nbd::read, 1, 0, 512));
  stream_.add(nbd_request(nbd::write, 2, 0, 1024));
  stream_.add(pattern(1024, 8));
  stream_.add(nbd_request(nbd::write_zeroes, 3, 0, 512));
  stream_.add(nbd_request(nbd::trim, 4, 0, 512));
  stream_.add(nbd_request(nbd::read, 5, 0, 8192));
  EXPECT_EQ(nbd::serve(served, stream_), nbd::End::disconnected);
  Bytes expected = nbd_reply(1, 5);
  for (uint64_t cookie = 2; cookie <= 5; ++cookie) {
    const Bytes more = nbd_reply(cookie, 5);
    expected.insert(expected.end(), more.begin(), more.end());
  }
  EXPECT_EQ(stream_.output(), expected);
  EXPECT_EQ(overlay.used(), 0U);
}

// Larger than the room that the server has for replies.
TEST_F(NbdServerTest, ALargeWriteIsTakenInParts) {
  auto file = ploop_file({.cluster_sectors = 2048, .disk_sectors = 4096, .bat = {0, 0}});
  disk_.emplace(*Disk::assemble(chain(open_ploop(file))));
  const MemoryScratch scratch(disk_->size());
  OwnStates states(disk_->size());
  Overlay overlay(*disk_, scratch, states, disk_->size());
  const Bytes data = pattern(1 << 20, 8);
  stream_.add(nbd_request(nbd::write, 1, 4096, 1 << 20));
  stream_.add(data);
  nbd::serve(ServedDisk(*disk_, &overlay), stream_);
  EXPECT_EQ(stream_.output(), nbd_reply(1, 0));
  Bytes got(1 << 20);
  ASSERT_EQ(ServedDisk(*disk_, &overlay).view().read(4096, got), 0);
  EXPECT_EQ(got, data);
}

// Clusters of 64 KiB: data, a hole, data, and one past the file's end.
class NbdLargeRequests : public NbdServerTest {
 protected:
  static constexpr uint32_t kCluster = 65536;

  NbdLargeRequests() {
    auto file = ploop_file({.cluster_sectors = 128, .disk_sectors = 512, .bat = {2, 0, 1, 99}});
    file->write(kCluster, pattern(kCluster, 1));
    file->write(size_t{2} * kCluster, pattern(kCluster, 2));
    disk_.emplace(*Disk::assemble(chain(open_ploop(file))));
    stream_.add(nbd_request(nbd::read, 1, 100, 3 * kCluster - 200));
    stream_.add(nbd_request(nbd::read, 2, kCluster, 3 * kCluster));  // runs into what is missing
    stream_.add(nbd_request(nbd::read, 3, 100, 50));
  }

  void expect_replies() {
    Bytes whole(size_t{3} * kCluster);
    ASSERT_EQ(disk_->read(0, whole), 0);
    Bytes expected = nbd_reply(1, 0, Bytes(whole.begin() + 100, whole.end() - 100));
    for (const Bytes& more :
         {nbd_reply(2, 5), nbd_reply(3, 0, Bytes(whole.begin() + 100, whole.begin() + 150))}) {
      expected.insert(expected.end(), more.begin(), more.end());
    }
    EXPECT_EQ(stream_.output(), expected);
  }
};

TEST_F(NbdLargeRequests, AreCollected) {
  EXPECT_EQ(serve(), nbd::End::disconnected);
  expect_replies();
  EXPECT_EQ(stream_.sends(), 2U);
}

TEST_F(NbdLargeRequests, AreReadIntoMemoryWhereTheyDoNotFit) {
  stream_.make_room(kCluster + 1);
  EXPECT_EQ(serve(), nbd::End::disconnected);
  expect_replies();
}

TEST_F(NbdLargeRequests, MayComeInPieces) {
  stream_.trickle(5);
  EXPECT_EQ(serve(), nbd::End::disconnected);
  expect_replies();
}

TEST_F(NbdServerTest, RepliesToWhatCameTogetherLeaveTogetherAndInOrder) {
  Bytes expected;
  for (uint64_t i = 0; i < 200; ++i) {
    stream_.add(nbd_request(nbd::read, i, 0, 4096));
    const Bytes one = nbd_reply(i, 0, pattern(4096, 1));
    expected.insert(expected.end(), one.begin(), one.end());
  }
  EXPECT_EQ(serve(), nbd::End::disconnected);
  EXPECT_EQ(stream_.output(), expected);
  EXPECT_LT(stream_.sends(), 20U);
}

TEST_F(NbdServerTest, RequestsInPiecesBetweenWritesAreFoundAgain) {
  stream_.trickle(13);
  Bytes expected;
  for (uint64_t i = 0; i < 20; ++i) {
    stream_.add(nbd_request(nbd::write, i, 0, 3000));
    stream_.add(pattern(3000, static_cast<uint32_t>(i)));
    stream_.add(nbd_request(nbd::read, 100 + i, 8, 16));
    Bytes data = pattern(4096, 1);
    for (const Bytes& more :
         {nbd_reply(i, 1), nbd_reply(100 + i, 0, Bytes(data.begin() + 8, data.begin() + 24))}) {
      expected.insert(expected.end(), more.begin(), more.end());
    }
  }
  EXPECT_EQ(serve(), nbd::End::disconnected);
  EXPECT_EQ(stream_.output(), expected);
}

TEST_F(NbdServerTest, AWrongMagicEndsTheConnection) {
  Bytes wrong = nbd_request(nbd::read, 1, 0, 1);
  wrong[0] = std::byte{0};
  stream_.add(wrong);
  EXPECT_EQ(serve(), nbd::End::out_of_step);
  EXPECT_TRUE(stream_.output().empty());
}

TEST_F(NbdServerTest, ACutRequestEndsTheConnection) {
  Bytes cut = nbd_request(nbd::read, 1, 0, 1);
  cut.pop_back();
  stream_.add(cut);
  EXPECT_EQ(serve(), nbd::End::disconnected);
  EXPECT_TRUE(stream_.output().empty());
}

}  // namespace
}  // namespace ploopu::testing
