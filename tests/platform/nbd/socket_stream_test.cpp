// SPDX-License-Identifier: GPL-2.0-or-later
// Tests the request loop with real sockets, and several connections to a disk at once.
#include "platform/nbd/socket_stream.hpp"

#include <array>
#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "core/nbd/nbd_server.hpp"
#include "core/nbd/nbd_wire.hpp"
#include "tests/support/nbd_client.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

constexpr size_t kClusters = 64;

Disk shuffled_disk() {
  PloopSpec spec{.cluster_sectors = 8, .disk_sectors = kClusters * 8};
  for (uint32_t i = 0; i < kClusters; ++i) spec.bat.push_back(1 + (i * 37) % kClusters);
  auto file = ploop_file(spec);
  for (uint32_t i = 1; i <= kClusters; ++i) file->write(i * 4096, pattern(4096, i));
  return *Disk::assemble(chain(open_ploop(file)));
}

// Asks for random pieces, several at a time, and compares them with the disk.
void run_client(const Disk& disk, SocketStream& socket, uint32_t seed) {
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::pair<uint64_t, uint32_t>> asked;
    for (int i = 0; i < 4; ++i) {
      const uint64_t offset = random() % (disk.size() - 9000);
      asked.emplace_back(offset, 1 + random() % 9000);
      ASSERT_TRUE(socket.send(nbd_request(nbd::read, 1, asked.back().first, asked.back().second)));
    }
    for (const auto& [offset, length] : asked) {
      Bytes reply(nbd::kReplySize + length);
      Bytes expected(length);
      ASSERT_TRUE(receive_all(socket, reply));
      ASSERT_EQ(disk.read(offset, expected), 0);
      ASSERT_TRUE(std::equal(expected.begin(), expected.end(), reply.begin() + nbd::kReplySize));
      ASSERT_EQ(reply[7], std::byte{0});
    }
  }
}

TEST(NbdSocket, ManyConnectionsReadOneDisk) {
  const Disk disk = shuffled_disk();
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 4; ++i) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    threads.emplace_back([&disk, end = ends[0]] {
      SocketStream stream{UniqueFd(end)};
      EXPECT_EQ(nbd::serve(ServedDisk(disk), stream), nbd::End::disconnected);
    });
    threads.emplace_back([&disk, end = ends[1], i] {
      SocketStream stream{UniqueFd(end)};
      run_client(disk, stream, i);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace ploopu::testing
