// SPDX-License-Identifier: GPL-2.0-or-later
// The few figures of an image that a list of all containers shows.
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
  bool in_use = false;  // or its container crashed
};

template <class Codec>
void fields(Codec& codec, DiskFigures& figures) {
  codec(figures.virtual_size, figures.cluster_size, figures.clusters_allocated, figures.in_use);
}

struct PloopFigures {
  std::optional<DiskFigures> disk;    // only of images that can be read
  std::optional<uint64_t> snapshots;  // beside the live state
  std::string error;                  // what is damaged
};

template <class Codec>
void fields(Codec& codec, PloopFigures& figures) {
  codec(figures.disk, figures.snapshots, figures.error);
}

// Reads images one after the other. Each is parsed in a process that has seen none of the others,
// so that the files of one container can't change the figures of another.
class FigureReader {
 public:
  // As much of the image at `location`, a descriptor, as can be read.
  [[nodiscard]] PloopFigures read(const HostTree& tree, const ImageLocation& location);

 private:
  [[nodiscard]] Result<PloopFigures> try_to_read(const HostTree& tree,
                                                 const ImageLocation& location, bool is_last_try);

  std::unique_ptr<WorkSeries> series_;  // once one was read
};

}  // namespace ploopu
