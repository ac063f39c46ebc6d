// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/overlay/overlay_file.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include <sha2.h>

#include "core/base/little_endian.hpp"
#include "core/disk/image_state.hpp"
#include "core/format/ploop_header.hpp"

namespace ploopu {
namespace {

constexpr size_t kHeaderSize = 4096;
constexpr std::string_view kMagic("ploopu overlay\0\0", 16);
constexpr uint32_t kVersion = 1;
constexpr uint32_t kChangedFlag = 1;

// Fields, by their bytes from the start of the header.
constexpr size_t kVersionAt = 16;
constexpr size_t kFlagsAt = 20;
constexpr size_t kDiskSizeAt = 24;
constexpr size_t kDataStartAt = 32;
constexpr size_t kDigestAt = 40;
constexpr size_t kPathLengthAt = 72;
constexpr size_t kPathAt = 128;

constexpr uint64_t kFormsStart = kHeaderSize;
constexpr uint64_t kPieceBytes = SectorStates::kPieceWords * sizeof(uint64_t);

using Header = std::array<std::byte, kHeaderSize>;

uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

uint64_t sectors_of(uint64_t disk_size) { return disk_size / kSectorSize; }

class Sha256 {
 public:
  Sha256() { SHA256Init(&context_); }
  void add(std::span<const std::byte> bytes) {
    SHA256Update(&context_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
  void add(uint64_t value) {
    std::array<std::byte, 8> bytes{};
    store_le(bytes, 0, value, bytes.size());
    add(bytes);
  }
  [[nodiscard]] std::array<std::byte, 32> finish() {
    std::array<std::byte, SHA256_DIGEST_LENGTH> digest{};
    SHA256Final(reinterpret_cast<uint8_t*>(digest.data()), &context_);
    return digest;
  }

 private:
  SHA2_CTX context_{};
};

Result<Header> read_header(const ImageFile& file, const std::string& name) {
  Header header{};
  const bool is_large_enough = file.size() >= header.size();
  if (const int error = is_large_enough ? file.read(0, header) : 0; error != 0) {
    return fail_errno(error, name);
  }
  if (!is_large_enough || std::memcmp(header.data(), kMagic.data(), kMagic.size()) != 0) {
    return fail(ErrorKind::refused, "{}: exists and is not an overlay file: choose another name",
                name);
  }
  if (const uint32_t version = load_le32(header, kVersionAt); version != kVersion) {
    return fail(
        ErrorKind::refused,
        "{}: has overlay version {}, but only {} is known: use the newer ploopu that created it",
        name, version, kVersion);
  }
  return header;
}

std::string path_in(const Header& header) {
  const size_t length = load_le32(header, kPathLengthAt) & 0xffff;
  const auto* text = reinterpret_cast<const char*>(&header[kPathAt]);
  return {text, std::min(length, kHeaderSize - kPathAt)};
}

}  // namespace

OverlayBase describe_base(const Image& image) {
  constexpr uint64_t kHead = 4096, kStart = uint64_t{2} << 20, kStep = uint64_t{64} << 10;
  Sha256 sum;
  std::vector<std::byte> buffer(kStep);
  const auto add_read = [&](uint64_t length, auto read) {
    const auto piece = std::span(buffer).first(length);
    const int error = read(piece);
    sum.add(static_cast<uint64_t>(error));
    if (error == 0) sum.add(piece);
  };
  const ImageState state = state_of(image.disk);
  for (size_t i = 0; i < state.files.size(); ++i) {
    const FileState& file = state.files[i];
    sum.add(file.size);
    sum.add(static_cast<uint64_t>(file.modified));
    add_read(std::min(kHead, file.size),
             [&](auto piece) { return image.disk.deltas()[i].file().read(0, piece); });
  }
  const uint64_t size = image.disk.size();
  for (uint64_t offset = 0; offset < std::min(size, kStart); offset += kStep) {
    add_read(std::min(kStep, size - offset),
             [&](auto piece) { return image.disk.read(offset, piece); });
  }
  return {size, sum.finish(), image.location.path};
}

uint64_t OverlayFile::size_for(uint64_t disk_size) {
  OverlayBase base;
  base.disk_size = disk_size;
  return OverlayFile(base).data_start() + disk_size;
}

uint64_t OverlayFile::bits_start() const {
  constexpr uint64_t kBlock = 4096;
  const uint64_t pieces = SectorStates::pieces_of(sectors_of(base_.disk_size));
  return kFormsStart + round_up(pieces, kBlock);
}

uint64_t OverlayFile::data_start() const {
  constexpr uint64_t kUnit = uint64_t{1} << 20;
  const uint64_t pieces = SectorStates::pieces_of(sectors_of(base_.disk_size));
  return round_up(bits_start() + pieces * kPieceBytes, kUnit);
}

int OverlayFile::write_header(const ScratchFile& file, uint32_t flags) const {
  Header header{};
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  store_le(header, kVersionAt, kVersion, 4);
  store_le(header, kFlagsAt, flags, 4);
  store_le(header, kDiskSizeAt, base_.disk_size, 8);
  store_le(header, kDataStartAt, data_start(), 8);
  std::copy(base_.digest.begin(), base_.digest.end(), header.begin() + kDigestAt);
  const size_t length = std::min(base_.image.size(), kHeaderSize - kPathAt);
  store_le(header, kPathLengthAt, length, 2);
  std::memcpy(&header[kPathAt], base_.image.data(), length);
  if (const int error = file.write(0, header); error != 0) return error;
  return file.sync();
}

Result<OverlayFile> OverlayFile::create(const ScratchFile& file, const std::string& name,
                                        const OverlayBase& base) {
  OverlayFile made(base);
  int error = file.reserve(kFormsStart, made.bits_start() - kFormsStart);
  if (error == 0) error = made.write_header(file, 0);
  if (error != 0) return fail_errno(error, name + ": writing its header");
  return made;
}

Result<bool> OverlayFile::was_cut_short(const ImageFile& file, const std::string& name) {
  PLOOPU_TRY(const auto header, read_header(file, name));
  return (load_le32(header, kFlagsAt) & kChangedFlag) != 0;
}

Result<OverlayFile> OverlayFile::open(const ImageFile& file, const std::string& name,
                                      const OverlayBase& base) {
  PLOOPU_TRY(const auto header, read_header(file, name));
  const std::string image = path_in(header);
  const uint64_t disk_size = load_le64(header, kDiskSizeAt);
  const bool has_digest =
      std::equal(base.digest.begin(), base.digest.end(), header.begin() + kDigestAt);
  if (disk_size != base.disk_size || !has_digest) {
    return fail(ErrorKind::refused,
                "{}: belongs to {}{}, and would corrupt {} as it is now: choose "
                "another file",
                name, image, image == base.image ? " in another state" : "", base.image);
  }
  OverlayFile opened(base);
  opened.was_changed_ = (load_le32(header, kFlagsAt) & kChangedFlag) != 0;
  if (load_le64(header, kDataStartAt) != opened.data_start() ||
      file.size() != size_for(disk_size)) {
    return fail(ErrorKind::damaged, "{}: has {} bytes instead of {}: truncated or damaged", name,
                file.size(), size_for(disk_size));
  }
  return opened;
}

Result<void> OverlayFile::load(const ImageFile& file, const std::string& name,
                               SectorStates& states) const {
  std::vector<std::byte> forms(states.pieces());
  if (const int error = file.read(kFormsStart, forms); error != 0) return fail_errno(error, name);
  std::vector<std::byte> bytes(kPieceBytes);
  std::vector<uint64_t> bits(SectorStates::kPieceWords);
  for (uint64_t piece = 0; piece < states.pieces(); ++piece) {
    const auto form = static_cast<PieceForm>(forms[piece]);
    if (form > PieceForm::mixed) {
      return fail(ErrorKind::damaged,
                  "{}: the state of piece {} is {}, must be 0..3: the file is damaged", name, piece,
                  static_cast<int>(form));
    }
    if (form == PieceForm::mixed) {
      const int error = file.read(bits_start() + piece * kPieceBytes, bytes);
      if (error != 0) return fail_errno(error, name);
      for (size_t i = 0; i < bits.size(); ++i) bits[i] = load_le64(bytes, i * sizeof(uint64_t));
    }
    states.load(piece, form, bits);
  }
  return {};
}

int OverlayFile::mark_changed(const ScratchFile& file) const {
  return write_header(file, kChangedFlag);
}

int OverlayFile::mark_closed(const ScratchFile& file) const { return write_header(file, 0); }

int OverlayFile::reserve(const ScratchFile& file, uint64_t piece) const {
  return file.reserve(bits_start() + piece * kPieceBytes, kPieceBytes);
}

int OverlayFile::save(const ScratchFile& file, const std::vector<PieceStates>& changed) const {
  if (const int error = file.sync(); error != 0 || changed.empty()) return error;
  std::vector<std::byte> bytes(kPieceBytes);
  for (const auto& piece : changed) {
    if (piece.form != PieceForm::mixed) continue;
    for (size_t i = 0; i < piece.bits.size(); ++i) store_le(bytes, i * 8, piece.bits[i], 8);
    const int error = file.write(bits_start() + piece.number * kPieceBytes, bytes);
    if (error != 0) return error;
  }
  if (const int error = file.sync(); error != 0) return error;
  bool is_synced = true;
  for (const auto& piece : changed) {
    if (!piece.form_changed) continue;
    const std::array<std::byte, 1> form = {static_cast<std::byte>(piece.form)};
    if (const int error = file.write(kFormsStart + piece.number, form); error != 0) return error;
    is_synced = false;
  }
  return is_synced ? 0 : file.sync();
}

}  // namespace ploopu
