// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/image_chain.hpp"

#include <utility>

namespace ploopu {
namespace {

// A file that is in a chain twice is a mistake or an attack: it would fill its gaps with itself.
Result<void> refuse_repeated_files(const std::vector<Delta>& deltas, const std::string& path) {
  for (size_t i = 0; i < deltas.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (deltas[i].file().identity() == deltas[j].file().identity()) {
        return fail(ErrorKind::damaged, "{}: {} and {} are the same file: refused", path,
                    deltas[j].name(), deltas[i].name());
      }
    }
  }
  return {};
}

}  // namespace

Result<ImageChain> open_chain(const DescriptorText& text, const std::string& snapshot,
                              AskedFiles& files) {
  PLOOPU_TRY(const auto descriptor, parse_descriptor(text, files));
  PLOOPU_TRY(const auto shot, find_shot(descriptor, snapshot, text.path));
  return open_shot(descriptor, shot, text.path, files);
}

Result<ImageChain> open_shot(const DiskDescriptor& descriptor, const std::string& shot,
                             const std::string& path, AskedFiles& files) {
  PLOOPU_TRY(const auto images, chain_to(descriptor, shot, path));
  ImageChain chain;
  chain.warnings = descriptor.oddities;
  for (const auto& image : images) {
    auto delta =
        files.open_listed(image, chain.deltas.empty(), descriptor.cluster_sectors, chain.warnings);
    if (!delta && delta.error().kind == ErrorKind::not_found) {
      return fail(ErrorKind::damaged,
                  "{}: this state needs that delta; 'ploopu snapshots' lists other states",
                  delta.error().message);
    }
    if (!delta) return tl::unexpected<Error>(std::move(delta).error());
    chain.deltas.push_back(*std::move(delta));
    chain.guids.push_back(image.guid);
  }
  PLOOPU_CHECK(refuse_repeated_files(chain.deltas, path));
  const auto live = find_shot(descriptor, "top", path);
  const bool is_live = live && *live == shot;
  if (!is_live) chain.snapshot = shot;
  // <Disk_size> is the size of the live state: snapshots may be smaller.
  const Delta& top = chain.deltas.back();
  if (is_live) {
    const uint64_t sectors = (top.disk_size() + kSectorSize - 1) / kSectorSize;
    warn_about_descriptor(descriptor, sectors * kSectorSize, top.cluster_size(), path,
                          chain.warnings);
  }
  return chain;
}

Result<Disk> assemble_unchanged(std::vector<Delta> base_first, std::span<std::byte> memory) {
  PLOOPU_TRY(auto disk, Disk::assemble(std::move(base_first), memory));
  // If a header changed since it was read, somebody writes to the image, and its table may mix the
  // old state with the new.
  for (const auto& delta : disk.deltas()) PLOOPU_CHECK(delta.check_unchanged());
  return disk;
}

void warn_about_descriptor(const DiskDescriptor& descriptor, uint64_t disk_size,
                           uint64_t cluster_size, const std::string& path,
                           std::vector<std::string>& warnings) {
  if (descriptor.disk_sectors != disk_size / kSectorSize) {
    warnings.push_back(fmt::format(
        "{}: <Disk_size> is {} sectors, but the newest delta says {}: using the delta's value",
        path, descriptor.disk_sectors, disk_size / kSectorSize));
  }
  if (descriptor.cluster_sectors * kSectorSize != cluster_size) {
    warnings.push_back(
        fmt::format("{}: <Blocksize> is {} sectors, but the deltas say {}: using the deltas' value",
                    path, descriptor.cluster_sectors, cluster_size / kSectorSize));
  }
  for (const auto& guid : repeated_guids(descriptor)) {
    warnings.push_back(
        fmt::format("{}: the GUID {} appears more than once: using the first", path, guid));
  }
}

}  // namespace ploopu
