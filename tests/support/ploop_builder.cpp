// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/ploop_builder.hpp"

#include <stdexcept>
#include <string_view>

namespace ploopu::testing {
namespace {

void put_text(Bytes& out, std::string_view text) {
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
}

void put32(Bytes& out, uint32_t value) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFF));
}

Delta must(Result<Delta> delta) {
  if (!delta) throw std::runtime_error(delta.error().message);
  return *std::move(delta);
}

uint32_t data_sector(const PloopSpec& spec) {
  if (spec.data_sector) return *spec.data_sector;
  const auto sectors = static_cast<uint32_t>((64 + spec.bat.size() * 4 + 511) / 512);
  if (spec.version == 1 || spec.cluster_sectors == 0) return sectors;
  return (sectors + spec.cluster_sectors - 1) / spec.cluster_sectors * spec.cluster_sectors;
}

}  // namespace

Bytes ploop_head(const PloopSpec& spec) {
  Bytes out;
  put_text(out, spec.version == 1 ? "WithoutFreeSpace" : "WithouFreSpacExt");
  put32(out, spec.type);
  put32(out, 16);  // m_Heads
  put32(out, 0);   // m_Cylinders
  put32(out, spec.cluster_sectors);
  put32(out, spec.bat_entries.value_or(static_cast<uint32_t>(spec.bat.size())));
  put32(out, static_cast<uint32_t>(spec.disk_sectors));
  put32(out,
        spec.version == 1 ? spec.size_garbage : static_cast<uint32_t>(spec.disk_sectors >> 32));
  put32(out, spec.in_use);
  put32(out, data_sector(spec));
  put32(out, spec.flags);
  put32(out, static_cast<uint32_t>(spec.extension_sector));
  put32(out, static_cast<uint32_t>(spec.extension_sector >> 32));
  for (const uint32_t entry : spec.bat) put32(out, entry);
  return out;
}

std::shared_ptr<MemoryFile> ploop_file(const PloopSpec& spec) {
  auto file = std::make_shared<MemoryFile>(ploop_head(spec));
  if (!spec.data_sector) file->set_size(uint64_t{data_sector(spec)} * 512);
  return file;
}

Bytes pattern(size_t count, uint32_t seed) {
  Bytes out(count);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t mixed = (static_cast<uint32_t>(i) + seed * 0x9E3779B9U) * 0x85EBCA6BU;
    out[i] = static_cast<std::byte>((mixed >> 24) | 1U);  // never zero
  }
  return out;
}

Delta open_ploop(std::shared_ptr<const ImageFile> file, const std::string& name) {
  return must(Delta::open({std::move(file), DeltaFormat::ploop, name, 0}));
}

Delta open_raw(std::shared_ptr<const ImageFile> file, uint32_t cluster_sectors) {
  return must(Delta::open({std::move(file), DeltaFormat::raw, "raw", cluster_sectors}));
}

}  // namespace ploopu::testing
