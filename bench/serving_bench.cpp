// SPDX-License-Identifier: GPL-2.0-or-later
// Measures the cost of a lookup and of a request in the code of ploopu, without a kernel or a disk.
#include <array>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include "core/nbd/nbd_server.hpp"
#include "platform/files/posix_file_system.hpp"
#include "platform/nbd/socket_stream.hpp"
#include "tests/support/nbd_client.hpp"
#include "tests/support/ploop_builder.hpp"
#include "tests/support/temporary_directory.hpp"

namespace ploopu::testing {
namespace {

// Returns a disk of `clusters` clusters of 4 KiB in shuffled order. Each of the `depth` deltas
// contains every depth-th cluster.
Disk shuffled_disk(uint32_t clusters, uint32_t depth) {
  std::vector<uint32_t> order(clusters);
  for (uint32_t i = 0; i < clusters; ++i) order[i] = i + 1 + clusters / 1024;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  std::vector<Delta> deltas;
  for (uint32_t level = 0; level < depth; ++level) {
    PloopSpec spec{.cluster_sectors = 8, .disk_sectors = uint64_t{clusters} * 8};
    spec.bat.resize(clusters);
    for (uint32_t i = level; i < clusters; i += depth) spec.bat[i] = order[i];
    auto file = ploop_file(spec);
    file->set_size((uint64_t{clusters} * 2 + 16) * 4096);
    deltas.push_back(open_ploop(file));
  }
  return *Disk::assemble(std::move(deltas));
}

void lookup(benchmark::State& state) {
  const Disk disk = shuffled_disk(1 << 20, static_cast<uint32_t>(state.range(0)));
  std::mt19937_64 random(2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(disk.extent_at(random() % disk.size(), 4096));
  }
}
BENCHMARK(lookup)->Arg(1)->Arg(100)->ArgName("deltas");

// A client sends one request at a time over a socket pair. The data is a hole in a real file, so
// large requests go through the pipe, and the data comes from the page cache.
void request(benchmark::State& state) {
  const auto length = static_cast<uint32_t>(state.range(0));
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/image";
  std::ofstream(path).put('x');
  std::filesystem::resize_file(path, size_t{16} << 20);
  PosixFileSystem files;
  std::shared_ptr<const ImageFile> image = *files.open_image(path);
  std::vector<Delta> deltas;
  deltas.push_back(*Delta::open({image, DeltaFormat::raw, path, 2048}));
  const Disk disk = *Disk::assemble(std::move(deltas));
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
  std::thread server([&disk, end = ends[0]] {
    SocketStream stream{UniqueFd(end)};
    nbd::serve(ServedDisk(disk), stream);
  });
  {
    SocketStream client{UniqueFd(ends[1])};
    const Bytes wire = nbd_request(nbd::read, 1, 0, length);
    Bytes reply(nbd::kReplySize + length);
    for (auto _ : state) {
      if (!client.send(wire) || !receive_all(client, reply)) state.SkipWithError("connection lost");
    }
  }
  server.join();
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * length);
}
BENCHMARK(request)
    ->Arg(4 << 10)
    ->Arg(32 << 10)
    ->Arg(64 << 10)
    ->Arg(1 << 20)
    ->ArgName("bytes")
    ->UseRealTime();

}  // namespace
}  // namespace ploopu::testing
