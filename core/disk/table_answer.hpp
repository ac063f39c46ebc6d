// SPDX-License-Identifier: GPL-2.0-or-later
// The answer of a process that has read the tables of a disk: see Disk::assemble.
#pragma once

#include <cstdint>
#include <vector>

namespace ploopu {

// Where the numbers of one piece of the disk are in the memory that both processes have: 1 + the
// offset in bytes, or 0 for none.
struct PieceAnswer {
  uint64_t entries_at = 0;
  uint64_t owners_at = 0;
  uint32_t owner = 0;  // of all entries, where they have one owner
};

struct UsageAnswer {
  uint64_t allocated = 0;
  uint64_t damaged = 0;
};

// One layer of a cluster in which a delta's disk ends.
struct SplitAnswer {
  uint64_t cluster = 0;
  uint32_t entry = 0;
  uint32_t owner = 0;
  uint64_t valid = 0;  // bytes
};

struct TableAnswer {
  std::vector<PieceAnswer> pieces;
  std::vector<UsageAnswer> usage;  // of each delta
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
