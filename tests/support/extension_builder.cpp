// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/extension_builder.hpp"

#include <array>

#include <md5.h>

namespace ploopu::testing {
namespace {

constexpr size_t kHeadSize = 24;

void put(Bytes& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFF));
}

}  // namespace

Bytes bitmap_data(const BitmapSpec& spec) {
  Bytes out;
  put(out, spec.sectors, 8);
  for (unsigned i = 0; i < 16; ++i) put(out, i, 1);
  put(out, spec.granularity, 4);
  put(out, spec.table_entries.value_or(static_cast<uint32_t>(spec.table.size())), 4);
  for (const uint64_t entry : spec.table) put(out, entry, 8);
  return out;
}

Bytes feature(uint64_t magic, const Bytes& data, uint64_t flags, std::optional<uint32_t> size) {
  Bytes out;
  put(out, magic, 8);
  put(out, flags, 8);
  put(out, size.value_or(static_cast<uint32_t>(data.size())), 4);
  put(out, 0, 4);
  out.insert(out.end(), data.begin(), data.end());
  out.resize((out.size() + 7) / 8 * 8);
  return out;
}

Bytes extension_cluster(const std::vector<Bytes>& features, size_t cluster_size) {
  Bytes body;
  for (const auto& one : features) body.insert(body.end(), one.begin(), one.end());
  body.resize(cluster_size - kHeadSize);
  MD5_CTX context;
  MD5Init(&context);
  MD5Update(&context, reinterpret_cast<const uint8_t*>(body.data()), body.size());
  std::array<uint8_t, MD5_DIGEST_LENGTH> sum{};
  MD5Final(sum.data(), &context);
  Bytes out;
  put(out, 0xAB234CEF23DCEA87, 8);
  for (const uint8_t byte : sum) put(out, byte, 1);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

}  // namespace ploopu::testing
