// SPDX-License-Identifier: GPL-2.0-or-later
// Reads the few figures of an image that a list of all containers shows.
//
//     FigureReader reader;
//     for (const auto& location : locations) print(reader.read(tree, location));
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "core/confine/confinement.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"

namespace ploopu {

struct DiskFigures {
  uint64_t virtual_size = 0;  // bytes
  uint64_t cluster_size = 0;  // bytes
  uint64_t clusters_allocated = 0;
  bool in_use = false;  // its container runs, or crashed
};

template <class Codec>
void fields(Codec& codec, DiskFigures& figures) {
  codec(figures.virtual_size, figures.cluster_size, figures.clusters_allocated, figures.in_use);
}

struct PloopFigures {
  std::optional<DiskFigures> disk;    // nothing if the disk can't be read
  std::optional<uint64_t> snapshots;  // number of shots besides the live state
  std::string error;                  // the fault of an image; empty for a sound image
};

template <class Codec>
void fields(Codec& codec, PloopFigures& figures) {
  codec(figures.disk, figures.snapshots, figures.error);
}

// The work of FigureReader, for a process that does nothing else.
inline constexpr char kFigureSeries[] = "figures";
[[nodiscard]] SeriesWork figure_series();

// Reads images, each in a process that has seen no other image, so that the files of one container
// can't change the figures of another.
class FigureReader {
 public:
  // Reads as much as possible of the image at `location`, a descriptor. Faults are in its `error`.
  [[nodiscard]] PloopFigures read(const HostTree& tree, const ImageLocation& location);

 private:
  [[nodiscard]] Result<PloopFigures> try_to_read(const HostTree& tree,
                                                 const ImageLocation& location, bool is_last_try);

  std::unique_ptr<WorkSeries> series_;  // nullptr before the first image
};

}  // namespace ploopu
