// SPDX-License-Identifier: GPL-2.0-or-later
// The users of an image: a running container, an operation of ploop or vzctl, qemu. Source:
// docs/FORMAT.md#use-of-an-image. Nothing here waits for a lock, keeps one or makes a file.
//
//     auto uses = find_uses(tree, host, location);
//     append(uses, host.of_disk(image.disk));
//     PLOOPU_CHECK(check_not_in_use(location.path, judge_uses(uses, !image.snapshot)));
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/disk/disk.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"

namespace ploopu {

enum class UseKind {
  trace,    // may have been left behind: it hinders nobody
  running,  // the newest delta is being written; older ones aren't
  writing,  // somebody has locked the files to change them
};

struct Use {
  UseKind kind = UseKind::trace;
  std::string text;  // "virtuozzo lists it in /proc/vz/veinfo": who or what says so
};

// Where evidence for one image may be; paths are those of this host.
struct UsePlaces {
  std::string path;                 // path of the image, for messages
  std::vector<std::string> flocks;  // files that exist, and that writers take with flock
  // The following only for a container of this host, not of the tree of a dead one.
  std::optional<std::string> ctid;
  std::string mount_root;              // VE_ROOT
  std::vector<std::string> pid_files;  // first line: who works on the container
};

// The port to locks, processes and the kernel. Implemented by platform/block/host_image_use.
class ImageUses {
 public:
  ImageUses() = default;
  virtual ~ImageUses() = default;
  ImageUses(const ImageUses&) = delete;
  ImageUses& operator=(const ImageUses&) = delete;

  [[nodiscard]] virtual std::vector<Use> of_places(const UsePlaces& places) const = 0;
  // By locks on the files of an opened disk, and by the kernel's ploop driver.
  [[nodiscard]] virtual std::vector<Use> of_disk(const Disk& disk) const = 0;
};

struct FoundPlaces {
  UsePlaces places;
  std::vector<Use> traces;  // evidence by files alone: suspended, marked as running
};

// A private area that was named by its path is recognised, too, when it is that of a container of
// this host. Configuration that can't be read tells nothing.
[[nodiscard]] FoundPlaces find_use_places(const HostTree& tree, const ImageLocation& location);

// Evidence without opening the image: by files beside it, and by `host`, which looks at the places.
[[nodiscard]] std::vector<Use> find_uses(const HostTree& tree, const ImageUses& host,
                                         const ImageLocation& location);

struct UseVerdict {
  std::vector<std::string> hindrances;  // why not to read now
  std::vector<std::string> warnings;    // uses that don't hinder
};

// An older state isn't changed by a container that runs, only by operations on its files.
[[nodiscard]] UseVerdict judge_uses(const std::vector<Use>& uses, bool is_live_state);

// ErrorKind::busy, naming who, when something hinders. `path` is that of the image.
[[nodiscard]] Result<void> check_not_in_use(const std::string& path, const UseVerdict& verdict);

// A line for each warning, and one for all hindrances: for those who read the image anyway.
[[nodiscard]] std::vector<std::string> warnings_of(const std::string& path,
                                                   const UseVerdict& verdict);

}  // namespace ploopu
