// SPDX-License-Identifier: GPL-2.0-or-later
// Finds the users of an image: a running container, an operation of ploop or vzctl, qemu
// (docs/FORMAT.md#use-of-an-image). Nothing here waits for a lock, keeps a lock or makes a file.
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
  trace,    // a mark that may be left from an earlier use: it hinders nobody
  running,  // a container writes to the top delta, but not to older deltas
  writing,  // a program has locked the files to change them
};

struct Use {
  UseKind kind = UseKind::trace;
  std::string text;  // the evidence: "virtuozzo lists it in /proc/vz/veinfo"
};

// Places that may show the use of an image, as paths of this host.
struct UsePlaces {
  std::string path;                 // path of the image, for messages
  std::vector<std::string> flocks;  // existing files that writers lock with flock(2)
  // The other members are set for a container of this host only, not of the tree of a dead host.
  std::optional<std::string> ctid;
  std::string mount_root;              // VE_ROOT
  std::vector<std::string> pid_files;  // the first line is the process that works on the container
};

// The port to locks, processes and the kernel. platform/block/host_image_use implements it, and
// image_use.hpp begins with an example.
class ImageUses {
 public:
  ImageUses() = default;
  virtual ~ImageUses() = default;
  ImageUses(const ImageUses&) = delete;
  ImageUses& operator=(const ImageUses&) = delete;

  // The uses that `places` show.
  [[nodiscard]] virtual std::vector<Use> of_places(const UsePlaces& places) const = 0;
  // The uses of an opened disk that file locks and the kernel's ploop driver show.
  [[nodiscard]] virtual std::vector<Use> of_disk(const Disk& disk) const = 0;
};

struct FoundPlaces {
  UsePlaces places;
  std::vector<Use> traces;  // uses that existing files show: suspended, marked as running
};

// Finds the places for an image. A private area that the user named by its path is recognised if a
// container of this host has it. Configuration that can't be read adds nothing.
[[nodiscard]] FoundPlaces find_use_places(const HostTree& tree, const ImageLocation& location);

// The uses that show without opening the image: by files beside it, and by `host`.
[[nodiscard]] std::vector<Use> find_uses(const HostTree& tree, const ImageUses& host,
                                         const ImageLocation& location);

struct UseVerdict {
  std::vector<std::string> hindrances;  // uses that make reading unsafe now
  std::vector<std::string> warnings;    // uses that don't
};

// Divides uses into hindrances and warnings. A running container changes the live state only;
// an operation on the files can change any state.
[[nodiscard]] UseVerdict judge_uses(const std::vector<Use>& uses, bool is_live_state);

// ErrorKind::busy, with all hindrances, if there are any. `path` is the image's, for the message.
[[nodiscard]] Result<void> check_not_in_use(const std::string& path, const UseVerdict& verdict);

// A line for each warning, and one for all hindrances, for verbs that read the image anyway.
[[nodiscard]] std::vector<std::string> warnings_of(const std::string& path,
                                                   const UseVerdict& verdict);

}  // namespace ploopu
