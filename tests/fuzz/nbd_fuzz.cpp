// SPDX-License-Identifier: GPL-2.0-or-later
// The input is the requests of a client. Each request gets exactly one reply of the right length.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/nbd/nbd_server.hpp"
#include "core/nbd/nbd_wire.hpp"
#include "tests/support/memory_file.hpp"
#include "tests/support/nbd_client.hpp"

namespace ploopu::testing {
namespace {

constexpr size_t kDiskSize = size_t{128} << 10;

class InputStream final : public nbd::Stream {
 public:
  explicit InputStream(std::span<const std::byte> input) : input_(input) {}

  size_t receive_some(std::span<std::byte> out) override {
    const size_t size = std::min(out.size(), input_.size());
    std::copy_n(input_.begin(), size, out.begin());
    input_ = input_.subspan(size);
    return size;
  }
  bool send(std::span<const std::byte> data) override {
    sent_ += data.size();
    return true;
  }
  DataSink& collector() override { return collector_; }
  bool send_collected(std::span<const std::byte> head) override {
    sent_ += head.size() + collector_.take().size();
    return true;
  }
  void drop_collected() override { collector_.take(); }
  [[nodiscard]] size_t sent() const { return sent_; }

 private:
  std::span<const std::byte> input_;
  MemoryCollector collector_{kDiskSize / 2};
  size_t sent_ = 0;
};

// Returns the length of all replies to the requests before the end of the input, or before the
// first bytes that are no request.
size_t expected_reply_bytes(std::span<const std::byte> input) {
  size_t total = 0;
  while (input.size() >= nbd::kRequestSize) {
    const auto request = nbd::decode_request(input.first<nbd::kRequestSize>());
    input = input.subspan(nbd::kRequestSize);
    if (!request || request->command == nbd::disconnect) break;
    if (request->command == nbd::write) {
      if (request->length > input.size()) break;
      input = input.subspan(request->length);
    }
    const bool is_read = request->command == nbd::read && request->offset <= kDiskSize &&
                         request->length <= kDiskSize - request->offset;
    total += nbd::kReplySize + (is_read ? request->length : 0);
  }
  return total;
}

const Disk& small_disk() {
  static const Disk disk = [] {
    std::vector<Delta> deltas;
    deltas.push_back(*Delta::open({std::make_shared<MemoryFile>(Bytes(kDiskSize, std::byte{7})),
                                   DeltaFormat::raw, "raw", 8}));
    return *Disk::assemble(std::move(deltas));
  }();
  return disk;
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  const auto input = std::as_bytes(std::span(data, size));
  InputStream stream(input);
  ploopu::nbd::serve(ploopu::ServedDisk(small_disk()), stream);
  if (stream.sent() != expected_reply_bytes(input)) std::abort();
  return 0;
}
