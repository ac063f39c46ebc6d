// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/nbd_server.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "core/nbd_wire.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

void put(Bytes& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i)
    out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFF));
}

Bytes request(uint16_t command, uint64_t cookie, uint64_t offset, uint32_t length) {
  Bytes out;
  put(out, 0x25609513, 4);
  put(out, 0, 2);
  put(out, command, 2);
  put(out, cookie, 8);
  put(out, offset, 8);
  put(out, length, 4);
  return out;
}

Bytes reply(uint64_t cookie, uint32_t status, const Bytes& data = {}) {
  Bytes out;
  put(out, 0x67446698, 4);
  put(out, status, 4);
  put(out, cookie, 8);
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

// What the client sends, and what it gets.
class ScriptedStream final : public nbd::Stream {
 public:
  void add(const Bytes& bytes) { input_.insert(input_.end(), bytes.begin(), bytes.end()); }
  [[nodiscard]] const Bytes& output() const { return output_; }
  [[nodiscard]] size_t sends() const { return sends_; }

  bool receive(std::span<std::byte> out) override {
    if (out.size() > input_.size() - at_) return false;
    std::copy_n(input_.begin() + static_cast<ptrdiff_t>(at_), out.size(), out.begin());
    at_ += out.size();
    return true;
  }
  bool send(std::span<const std::byte> data) override {
    ++sends_;
    output_.insert(output_.end(), data.begin(), data.end());
    return true;
  }

 private:
  Bytes input_;
  Bytes output_;
  size_t at_ = 0;
  size_t sends_ = 0;
};

class NbdServerTest : public ::testing::Test {
 protected:
  NbdServerTest() {
    auto file = ploop_file({.cluster_sectors = 8, .disk_sectors = 20, .bat = {1, 0, 99}});
    file->write(4096, pattern(4096, 1));
    disk_.emplace(*Disk::assemble(chain(open_ploop(file))));
  }

  nbd::End serve() { return nbd::serve(*disk_, stream_); }

  std::optional<Disk> disk_;
  ScriptedStream stream_;
};

TEST_F(NbdServerTest, ReadsAcrossExtentsAndEndsWithTheSocket) {
  stream_.add(request(nbd::read, 77, 4000, 200));
  EXPECT_EQ(serve(), nbd::End::disconnected);
  const Bytes data = pattern(4096, 1);
  Bytes expected(data.begin() + 4000, data.end());
  expected.resize(200);
  EXPECT_EQ(stream_.output(), reply(77, 0, expected));
  EXPECT_EQ(stream_.sends(), 1U);  // the header never leaves before its data
}

TEST_F(NbdServerTest, WhatCannotBeReadIsAnErrorWithoutData) {
  stream_.add(request(nbd::read, 1, 8000, 400));   // runs into the cluster past the file's end
  stream_.add(request(nbd::read, 2, 8192, 2048));  // lies in it
  stream_.add(request(nbd::read, 3, 8000, 192));
  serve();
  Bytes expected = reply(1, 5);
  for (const Bytes& more : {reply(2, 5), reply(3, 0, Bytes(192))}) {
    expected.insert(expected.end(), more.begin(), more.end());
  }
  EXPECT_EQ(stream_.output(), expected);
}

TEST_F(NbdServerTest, OutOfRangeAndHugeRequestsAreInvalid) {
  const auto expect_invalid = [&](uint64_t offset, uint32_t length) {
    ScriptedStream stream;
    stream.add(request(nbd::read, 9, offset, length));
    nbd::serve(*disk_, stream);
    EXPECT_EQ(stream.output(), reply(9, 22)) << offset << " " << length;
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
  stream_.add(request(nbd::read, 1, 0, nbd::kMaxRequest + 1));
  serve();
  EXPECT_EQ(stream_.output(), reply(1, 22));
}

TEST_F(NbdServerTest, WritesAreRefusedAndTheirDataIsSwallowed) {
  stream_.add(request(nbd::write, 5, 0, 512));
  stream_.add(pattern(512, 3));
  stream_.add(request(nbd::flush, 6, 0, 0));
  stream_.add(request(4, 7, 0, 512));  // trim
  stream_.add(request(nbd::disconnect, 8, 0, 0));
  stream_.add(request(nbd::read, 9, 0, 1));  // never answered
  EXPECT_EQ(serve(), nbd::End::disconnected);
  Bytes expected = reply(5, 1);
  for (const Bytes& more : {reply(6, 0), reply(7, 22)}) {
    expected.insert(expected.end(), more.begin(), more.end());
  }
  EXPECT_EQ(stream_.output(), expected);
}

TEST_F(NbdServerTest, AWrongMagicEndsTheConnection) {
  Bytes wrong = request(nbd::read, 1, 0, 1);
  wrong[0] = std::byte{0};
  stream_.add(wrong);
  EXPECT_EQ(serve(), nbd::End::out_of_step);
  EXPECT_TRUE(stream_.output().empty());
}

TEST_F(NbdServerTest, ACutRequestEndsTheConnection) {
  Bytes cut = request(nbd::read, 1, 0, 1);
  cut.pop_back();
  stream_.add(cut);
  EXPECT_EQ(serve(), nbd::End::disconnected);
  EXPECT_TRUE(stream_.output().empty());
}

}  // namespace
}  // namespace ploopu::testing
