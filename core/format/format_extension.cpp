// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/format_extension.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include <md5.h>

#include "core/base/little_endian.hpp"
#include "core/confine/confined.hpp"

namespace ploopu {
namespace {

constexpr uint64_t kExtensionMagic = 0xAB234CEF23DCEA87;
constexpr uint64_t kBitmapMagic = 0x20385FAE252CB34A;
constexpr uint64_t kEndOfFeatures = 0;
constexpr uint64_t kMustUnderstand = 1;
constexpr size_t kHeadSize = 24;  // magic and MD5 of the rest of the cluster
constexpr size_t kFeatureHeadSize = 24;
constexpr size_t kBitmapHeadSize = 32;
// Most features of an extension. A container has a single bitmap, but a cluster has room for a
// million, and each costs memory.
constexpr size_t kMaxFeatures = 64;
constexpr uint32_t kMaxGranularitySectors = uint32_t{1} << 22;  // QEMU's: below 4 GiB
constexpr uint64_t kReadSize = uint64_t{1} << 20;
constexpr uint64_t kTableReadSize = uint64_t{64} << 10;

using Md5 = std::array<uint8_t, MD5_DIGEST_LENGTH>;

std::string guid_text(std::span<const std::byte> id) {
  std::string text;
  for (size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", std::to_integer<unsigned>(id[i]));
  }
  return text;
}

uint64_t count_ones(std::span<const std::byte> bytes) {
  uint64_t ones = 0;
  for (const std::byte byte : bytes) {
    ones += static_cast<uint64_t>(std::popcount(std::to_integer<uint8_t>(byte)));
  }
  return ones;
}

bool bit_at(std::span<const std::byte> bytes, uint64_t bit) {
  return (bytes[bit / 8] >> (bit % 8) & std::byte{1}) != std::byte{0};
}

uint64_t divide_up(uint64_t value, uint64_t by) { return value / by + (value % by != 0 ? 1 : 0); }

// Number of set bits of a bitmap, and whether its last bit is set.
struct Ones {
  uint64_t count = 0;
  bool last = false;
};

// Parses an extension that its file declares valid. ErrorKind::damaged if it is corrupt. Messages
// don't name the file.
class Parser {
 public:
  Parser(const Delta& delta, uint64_t& bytes_left, FormatExtension& out)
      : delta_(delta), bytes_left_(bytes_left), out_(out) {}

  Result<void> run() {
    PLOOPU_CHECK(find_start());
    out_.clusters = 1;
    PLOOPU_CHECK(check_sum());
    return read_features();
  }

 private:
  [[nodiscard]] uint64_t cluster() const { return delta_.cluster_size(); }

  Result<void> read(uint64_t offset, std::span<std::byte> bytes) {
    if (bytes.size() > bytes_left_) {
      return fail(ErrorKind::failed,
                  "the limit of one command is reached: run it on this file alone");
    }
    bytes_left_ -= bytes.size();
    if (int error = delta_.file().read(offset, bytes); error != 0) {
      return fail(ErrorKind::damaged, "reading it at file byte {}: {}", offset,
                  std::generic_category().message(error));
    }
    return {};
  }

  // Whether `length` bytes from that sector on are in the file and after its table.
  [[nodiscard]] bool is_inside(uint64_t sector, uint64_t length) const {
    return sector <= delta_.file_size() / kSectorSize &&
           sector * kSectorSize >= delta_.data_start() &&
           length <= delta_.file_size() - sector * kSectorSize;
  }

  // libploop puts the extension after the last byte, rounded up to a sector, so its offset need not
  // be a multiple of the cluster.
  Result<void> find_start() {
    const uint64_t sector = delta_.header().extension_sector;
    if (!is_inside(sector, cluster())) {
      return fail(ErrorKind::damaged,
                  "m_FormatExtensionOffset is {} sectors: its cluster must be between the table's "
                  "end at byte {} and the file's at byte {}",
                  sector, delta_.data_start(), delta_.file_size());
    }
    start_ = sector * kSectorSize;
    return {};
  }

  Result<void> check_sum() {
    std::array<std::byte, kHeadSize> head{};
    PLOOPU_CHECK(read(start_, head));
    if (const uint64_t magic = load_le64(head, 0); magic != kExtensionMagic) {
      return fail(ErrorKind::damaged, "its magic at file byte {} is {:#018x}, not {:#018x}", start_,
                  magic, kExtensionMagic);
    }
    MD5_CTX context;
    MD5Init(&context);
    std::vector<std::byte> buffer(std::min(kReadSize, cluster() - kHeadSize));
    for (uint64_t at = kHeadSize; at < cluster(); at += buffer.size()) {
      const auto piece = std::span(buffer).first(std::min(buffer.size(), cluster() - at));
      PLOOPU_CHECK(read(start_ + at, piece));
      MD5Update(&context, reinterpret_cast<const uint8_t*>(piece.data()), piece.size());
    }
    Md5 sum{};
    MD5Final(sum.data(), &context);
    if (!std::ranges::equal(std::as_bytes(std::span(sum)), std::span(head).subspan(8))) {
      return fail(ErrorKind::damaged, "its MD5 sum does not match its content");
    }
    return {};
  }

  // Offsets in this function and in those that it calls count from the extension's cluster.
  Result<void> read_features() {
    uint64_t at = kHeadSize;
    for (size_t features = 0; features < kMaxFeatures; ++features) {
      if (cluster() - at < kFeatureHeadSize) {
        return fail(ErrorKind::damaged, "its list of features does not end in its cluster");
      }
      std::array<std::byte, kFeatureHeadSize> head{};
      PLOOPU_CHECK(read(start_ + at, head));
      at += kFeatureHeadSize;
      const uint64_t magic = load_le64(head, 0);
      if (magic == kEndOfFeatures) return {};
      const uint64_t size = load_le32(head, 16);
      if (divide_up(size, 8) * 8 > cluster() - at) {
        return fail(ErrorKind::damaged,
                    "feature {:#x} has {} bytes, but only {} remain in the cluster", magic, size,
                    cluster() - at);
      }
      if (magic == kBitmapMagic) {
        PLOOPU_CHECK(read_bitmap(at, size));
      } else {
        note_unknown(magic, load_le64(head, 8));
      }
      at += divide_up(size, 8) * 8;
    }
    return fail(ErrorKind::damaged, "it has more than {} features", kMaxFeatures);
  }

  void note_unknown(uint64_t magic, uint64_t flags) {
    if ((flags & kMustUnderstand) == 0) {
      out_.ignored_features.push_back(magic);
      return;
    }
    out_.state = ExtensionState::unknown;
    out_.reason = fmt::format("it needs the unknown feature {:#x}", magic);
  }

  Result<void> read_bitmap(uint64_t at, uint64_t size) {
    if (size < kBitmapHeadSize) {
      return fail(ErrorKind::damaged, "a dirty bitmap has {} bytes instead of at least {}", size,
                  kBitmapHeadSize);
    }
    std::array<std::byte, kBitmapHeadSize> head{};
    PLOOPU_CHECK(read(start_ + at, head));
    const uint64_t sectors = load_le64(head, 0);
    const uint32_t granularity = load_le32(head, 24);
    const uint64_t entries = load_le32(head, 28);
    DirtyBitmap bitmap;
    bitmap.id = guid_text(std::span(head).subspan(8, 16));
    if (sectors != delta_.header().disk_sectors) {
      return fail(ErrorKind::damaged, "dirty bitmap {}: is for {} sectors, but the disk has {}",
                  bitmap.id, sectors, delta_.header().disk_sectors);
    }
    if (!std::has_single_bit(granularity) || granularity > kMaxGranularitySectors) {
      return fail(
          ErrorKind::damaged,
          "dirty bitmap {}: its granularity is {} sectors: must be a power of two, at most {}",
          bitmap.id, granularity, kMaxGranularitySectors);
    }
    const uint64_t bits = divide_up(sectors, granularity);
    const uint64_t needed = divide_up(bits, cluster() * 8);
    // libploop writes a new bitmap, with nothing dirty yet, without a table.
    if ((entries != 0 && entries != needed) || entries * 8 > size - kBitmapHeadSize) {
      return fail(ErrorKind::damaged,
                  "dirty bitmap {}: its table has {} entries in {} bytes: must have 0 or {}",
                  bitmap.id, entries, size - kBitmapHeadSize, needed);
    }
    bitmap.size = sectors * kSectorSize;
    bitmap.granularity = granularity * kSectorSize;
    PLOOPU_TRY(const auto ones, count_bitmap(bitmap.id, at + kBitmapHeadSize, entries, bits));
    if (ones) {
      const uint64_t beyond_disk = bits * bitmap.granularity - bitmap.size;
      bitmap.dirty_bytes = ones->count * bitmap.granularity - (ones->last ? beyond_disk : 0);
    }
    out_.bitmaps.push_back(std::move(bitmap));
    return {};
  }

  // Returns nothing for a bitmap that is too long to count; its table is checked all the same.
  Result<std::optional<Ones>> count_bitmap(const std::string& id, uint64_t table, uint64_t entries,
                                           uint64_t bits) {
    std::optional<Ones> all = Ones{};
    std::vector<std::byte> buffer(std::min(kTableReadSize, entries * 8));
    for (uint64_t i = 0; i < entries; ++i) {
      const uint64_t at = i * 8 % kTableReadSize;
      if (at == 0) {
        const auto piece = std::span(buffer).first(std::min(buffer.size(), (entries - i) * 8));
        PLOOPU_CHECK(read(start_ + table + i * 8, piece));
      }
      const uint64_t entry = load_le64(buffer, at);
      const uint64_t here = std::min(cluster() * 8, bits - i * cluster() * 8);
      if (entry > 1) {
        if (!is_inside(entry, divide_up(here, 8))) {
          return fail(
              ErrorKind::damaged,
              "dirty bitmap {}: its part {} is at sector {}: must be between the table's end at "
              "byte {} and the file's at byte {}",
              id, i, entry, delta_.data_start(), delta_.file_size());
        }
        ++out_.clusters;
        if (divide_up(here, 8) > bytes_left_) all.reset();
      }
      if (!all) continue;
      PLOOPU_TRY(const auto ones, count_part(entry, here));
      all = Ones{all->count + ones.count, ones.last};
    }
    return all;
  }

  // Counts the `bits` bits, at least one, of an entry: 0 for all clear, 1 for all set, otherwise
  // the sector of the bits.
  Result<Ones> count_part(uint64_t entry, uint64_t bits) {
    if (entry <= 1) return Ones{entry * bits, entry == 1};
    Ones ones;
    std::vector<std::byte> buffer(std::min(kReadSize, divide_up(bits, 8)));
    for (uint64_t first = 0; first < bits; first += kReadSize * 8) {
      const uint64_t here = std::min(kReadSize * 8, bits - first);
      const auto piece = std::span(buffer).first(divide_up(here, 8));
      PLOOPU_CHECK(read(entry * kSectorSize + first / 8, piece));
      // Bits past the end of the disk don't count.
      if (here % 8 != 0) piece.back() &= std::byte{0xFF} >> (8 - here % 8);
      ones = {ones.count + count_ones(piece), bit_at(piece, here - 1)};
    }
    return ones;
  }

  const Delta& delta_;
  uint64_t& bytes_left_;
  FormatExtension& out_;
  uint64_t start_ = 0;  // file byte where the extension begins
};

// An extension, and how many bytes may still be read for the other extensions of the image.
struct ExtensionAnswer {
  FormatExtension extension;
  uint64_t bytes_left = 0;
};

template <class Codec>
void fields(Codec& codec, ExtensionAnswer& answer) {
  codec(answer.extension, answer.bytes_left);
}

ExtensionState state_after(const Error& error) {
  return error.kind == ErrorKind::damaged ? ExtensionState::corrupt : ExtensionState::unknown;
}

FormatExtension without_content(ExtensionState state, std::string reason) {
  FormatExtension extension;
  extension.state = state;
  extension.reason = std::move(reason);
  extension.clusters = 1;
  return extension;
}

}  // namespace

const char* state_name(ExtensionState state) {
  switch (state) {
    case ExtensionState::none:
      return "none";
    case ExtensionState::valid:
      return "valid";
    case ExtensionState::stale:
      return "stale";
    case ExtensionState::untrusted:
      return "untrusted";
    case ExtensionState::corrupt:
      return "corrupt";
    case ExtensionState::unknown:
      return "unknown";
  }
  return "unknown";
}

std::string FormatExtension::message(const std::string& name) const {
  return fmt::format(
      "{}: the format extension (dirty bitmaps) is {}: {}; the disk's data is not "
      "affected",
      name, state_name(state), reason);
}

FormatExtension ExtensionReader::read(const Delta& delta) {
  if (delta.header().extension_sector == 0) return {};
  if (delta.in_use()) {
    return without_content(ExtensionState::untrusted, "the image was not closed");
  }
  if (delta.header().disk_in_use != kClosedWithExtension) {
    return without_content(
        ExtensionState::stale,
        fmt::format("m_DiskInUse is {:#x}: last closed by software that doesn't keep it",
                    delta.header().disk_in_use));
  }
  const auto parsed = confined<ExtensionAnswer>(
      {delta.name(), WorkSize::parsing, {delta.file().descriptor()}},
      [&]() -> Result<ExtensionAnswer> {
        ExtensionAnswer all{{}, bytes_left_};
        all.extension.state = ExtensionState::valid;
        const auto done = Parser(delta, all.bytes_left, all.extension).run();
        if (!done) all.extension = without_content(state_after(done.error()), done.error().message);
        return all;
      });
  if (!parsed) return without_content(state_after(parsed.error()), parsed.error().message);
  bytes_left_ = std::min(bytes_left_, parsed->bytes_left);
  return parsed->extension;
}

}  // namespace ploopu
