// SPDX-License-Identifier: GPL-2.0-or-later
// The description of tables that a confined process read: Disk::describe_tables() makes it, and
// Disk::adopt() uses it.
#pragma once

#include <cstdint>
#include <vector>

namespace ploopu {

// The places of one piece's numbers in the shared memory. A place is the offset in bytes plus one,
// or 0 if the piece has no such numbers.
struct PieceAnswer {
  uint64_t entries_at = 0;
  uint64_t owners_at = 0;
  uint32_t owner = 0;  // the owner of all entries while owners_at is 0
};

struct UsageAnswer {
  uint64_t allocated = 0;
  uint64_t damaged = 0;
};

// A layer of a cluster in which a delta's disk ends.
struct SplitAnswer {
  uint64_t cluster = 0;
  uint32_t entry = 0;
  uint32_t owner = 0;
  uint64_t valid = 0;  // bytes of the cluster that come from this layer
};

struct TableAnswer {
  std::vector<PieceAnswer> pieces;
  std::vector<UsageAnswer> usage;  // for each delta, base first
  std::vector<SplitAnswer> splits;
  uint64_t clusters_allocated = 0;
};

template <class Codec>
void fields(Codec& codec, PieceAnswer& piece) {
  codec(piece.entries_at, piece.owners_at, piece.owner);
}
template <class Codec>
void fields(Codec& codec, UsageAnswer& usage) {
  codec(usage.allocated, usage.damaged);
}
template <class Codec>
void fields(Codec& codec, SplitAnswer& split) {
  codec(split.cluster, split.entry, split.owner, split.valid);
}
template <class Codec>
void fields(Codec& codec, TableAnswer& answer) {
  codec(answer.pieces, answer.usage, answer.splits, answer.clusters_allocated);
}

}  // namespace ploopu
