// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a list of operations on an overlay with a file, whose result is compared with plain
// memory; or the input is an overlay file.
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "core/overlay/overlay.hpp"
#include "core/overlay/served_disk.hpp"
#include "tests/fuzz/fuzzing.hpp"
#include "tests/support/memory_scratch.hpp"
#include "tests/support/ploop_builder.hpp"

namespace ploopu::testing {
namespace {

constexpr uint64_t kSize = (16 << 20) + 96 * 512;  // more than one piece
constexpr char kName[] = "kept";

// A sparse file in memory, since inputs touch only a small part of the file.
class SparseScratch final : public ScratchFile {
 public:
  [[nodiscard]] uint64_t size() const override { return OverlayFile::size_for(kSize); }
  [[nodiscard]] FileIdentity identity() const override { return {1, 2}; }
  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override {
    std::fill(out.begin(), out.end(), std::byte{0});
    each(offset, out.size(), [&](uint64_t sector, size_t within, size_t at, size_t length) {
      const auto found = sectors_.find(sector);
      if (found != sectors_.end()) std::memcpy(&out[at], &found->second[within], length);
    });
    return 0;
  }
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data) const override {
    each(offset, data.size(), [&](uint64_t sector, size_t within, size_t at, size_t length) {
      std::memcpy(&sectors_[sector][within], &data[at], length);
    });
    return 0;
  }
  [[nodiscard]] int punch(uint64_t offset, uint64_t length) const override {
    sectors_.erase(sectors_.lower_bound(offset / 512),
                   sectors_.lower_bound((offset + length) / 512));
    return 0;
  }
  [[nodiscard]] int reserve(uint64_t /*offset*/, uint64_t /*length*/) const override { return 0; }
  [[nodiscard]] int sync() const override { return 0; }

 private:
  template <class Visit>
  static void each(uint64_t offset, size_t length, Visit visit) {
    for (size_t at = 0; at < length;) {
      const size_t within = (offset + at) % 512;
      const size_t part = std::min(length - at, 512 - within);
      visit((offset + at) / 512, within, at, part);
      at += part;
    }
  }
  mutable std::map<uint64_t, std::array<std::byte, 512>> sectors_;
};

const Image& image() {
  static const Image made = [] {
    auto raw = std::make_shared<MemoryFile>();
    raw->set_size(kSize);
    raw->write(0, pattern(8192, 1));
    raw->write((16 << 20) - 4096, pattern(8192, 2));
    return Image{{}, *Disk::assemble(chain(open_raw(raw, 8))), {}, {}};
  }();
  return made;
}

// Describes the image once for all inputs, since the digest takes long.
const OverlayBase& base() {
  static const OverlayBase described = describe_base(image());
  return described;
}

struct Session {
  Session(const SparseScratch& scratch, bool is_new)
      : states(kSize),
        file(is_new ? OverlayFile::create(scratch, kName, base())
                    : OverlayFile::open(scratch, kName, base())) {
    require(file.has_value());
    if (!is_new) require(file->load(scratch, kName, states).has_value());
    overlay.emplace(image().disk, scratch, states, kSize, &*file);
  }
  OwnStates states;
  Result<OverlayFile> file;
  std::optional<Overlay> overlay;
};

// The expected content of the disk. The memory is filled once; the destructor restores the range
// that an input changed.
class PlainMemory {
 public:
  PlainMemory() = default;
  PlainMemory(const PlainMemory&) = delete;
  PlainMemory& operator=(const PlainMemory&) = delete;
  ~PlainMemory() {
    if (first_ < end_) {
      require(image().disk.read(first_, std::span(bytes()).subspan(first_, end_ - first_)) == 0);
    }
  }

  static Bytes& bytes() {
    static Bytes all = [] {
      Bytes made(kSize);
      require(image().disk.read(0, made) == 0);
      return made;
    }();
    return all;
  }
  void touch(uint64_t offset, uint64_t length) {
    first_ = std::min(first_, offset);
    end_ = std::max(end_, offset + length);
  }
  // Returns the start and the end of the range that was touched, with some bytes around it.
  [[nodiscard]] std::pair<uint64_t, uint64_t> touched() const {
    const uint64_t start = first_ - std::min<uint64_t>(first_, 1000);
    return {start, std::min(std::max(start, end_) + 1000, kSize)};
  }

 private:
  uint64_t first_ = kSize;
  uint64_t end_ = 0;
};

void try_operations(std::span<const uint8_t> input) {
  const SparseScratch scratch;
  PlainMemory memory;
  Bytes& model = memory.bytes();
  auto session = std::make_unique<Session>(scratch, true);
  constexpr size_t kMost = 60 * 6;
  input = input.first(std::min(input.size(), kMost));
  for (; input.size() >= 6; input = input.subspan(6)) {
    // The places are near the start, near the border of the pieces, or at any sector.
    const uint64_t value = input[1] | uint64_t{input[2]} << 8;
    const std::array<uint64_t, 3> places = {value, (16 << 20) - 32768 + value,
                                            value * 512 % (kSize + 512)};
    const uint64_t offset = std::min(places[input[0] / 8 % 3], kSize + 1);
    const uint64_t unit = std::array<uint64_t, 4>{1, 512, 4096, 1 << 18}[input[0] / 32 % 4];
    const uint64_t length = (input[3] | uint64_t{input[4]} << 8) % 300 * unit;
    const bool is_inside = offset <= kSize && length <= kSize - offset;
    const auto at = model.begin() + static_cast<ptrdiff_t>(std::min(offset, kSize));
    switch (input[0] % 8) {
      case 0:
      case 1: {
        const uint64_t size = std::min<uint64_t>(length, 40000);
        const Bytes data(size, std::byte{input[5]});
        const bool fits = offset <= kSize && size <= kSize - offset;
        require(session->overlay->write(offset, data) == (fits ? 0 : EINVAL));
        if (fits) std::copy(data.begin(), data.end(), at);
        if (fits) memory.touch(offset, size);
        break;
      }
      case 2:
      case 3:
        require(session->overlay->write_zeroes(offset, length) == (is_inside ? 0 : EINVAL));
        if (is_inside) std::fill_n(at, length, std::byte{0});
        if (is_inside) memory.touch(offset, length);
        break;
      case 4:
        require(session->overlay->flush() == 0);
        break;
      case 5:
        require(session->overlay->close() == 0);
        session = std::make_unique<Session>(scratch, false);
        require(!session->file->was_cut_short());
        break;
      default: {
        Bytes got(std::min<uint64_t>(length, 40000));
        const bool fits = offset <= kSize && got.size() <= kSize - offset;
        const int error = ServedDisk(image().disk, &*session->overlay).view().read(offset, got);
        require(error == (fits ? 0 : EINVAL));
        if (fits) require(std::equal(got.begin(), got.end(), at));
      }
    }
  }
  const auto [start, end] = memory.touched();
  Bytes got(end - start);
  require(ServedDisk(image().disk, &*session->overlay).view().read(start, got) == 0);
  require(std::equal(got.begin(), got.end(), model.begin() + static_cast<ptrdiff_t>(start)));
}

// Opens the input as an overlay file, and reads from the overlay if the file is accepted.
void try_file(std::span<const uint8_t> input) {
  const SparseScratch scratch;
  require(OverlayFile::create(scratch, kName, base()).has_value());
  const auto bytes = std::as_bytes(input.first(std::min<size_t>(input.size(), 32768)));
  // If the input begins with 0, the sound header stays, so that the data after it is reached.
  const bool keep_header = !bytes.empty() && bytes[0] == std::byte{0};
  require(scratch.write(keep_header ? 4096 : 0, bytes) == 0);
  OwnStates states(kSize);
  const auto file = OverlayFile::open(scratch, kName, base());
  if (!file || !file->load(scratch, kName, states)) return;
  Overlay overlay(image().disk, scratch, states, kSize, &*file);
  Bytes some(1 << 16);
  for (const uint64_t offset : {uint64_t{0}, kSize - some.size()}) {
    require(overlay.read(offset, some) == 0);
  }
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  const std::span input(data, size);
  if (input.empty()) return 0;
  (input[0] == 0xFF ? try_file : try_operations)(input.subspan(1));
  return 0;
}
