// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a client's requests: each request gets exactly one reply, and no more than it asked.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/nbd_server.hpp"
#include "core/nbd_wire.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {
namespace {

class InputStream final : public nbd::Stream {
 public:
  explicit InputStream(std::span<const std::byte> input) : input_(input) {}

  bool receive(std::span<std::byte> out) override {
    if (out.size() > input_.size()) return false;
    std::copy_n(input_.begin(), out.size(), out.begin());
    input_ = input_.subspan(out.size());
    return true;
  }
  bool send(std::span<const std::byte> data) override {
    if (data.size() < nbd::kReplySize || data.size() > nbd::kReplySize + 8192) std::abort();
    return true;
  }

 private:
  std::span<const std::byte> input_;
};

const Disk& small_disk() {
  static const Disk disk = [] {
    std::vector<Delta> deltas;
    deltas.push_back(*Delta::open(
        {std::make_shared<MemoryFile>(Bytes(8192, std::byte{7})), DeltaFormat::raw, "raw", 8}));
    return *Disk::assemble(std::move(deltas));
  }();
  return disk;
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  InputStream stream(std::as_bytes(std::span(data, size)));
  ploopu::nbd::serve(small_disk(), stream);
  return 0;
}
