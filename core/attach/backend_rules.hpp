// SPDX-License-Identifier: GPL-2.0-or-later
// The table of back ends: their order, and the requests that each can't meet on any host. `attach`,
// `-n`, doctor, the help and completion use this table. A new back end needs a row here, a folder
// in platform/ and a line in platform/attach/backends.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/attach/attachments.hpp"

namespace ploopu {

// A row of the table. Each reason follows "NAME: " in a message, and is empty where the back end
// can do it.
struct BackendRules {
  std::string_view name;
  std::string_view why_no_file;     // why it can't make a file instead of a block device
  std::string_view why_no_overlay;  // why it can't make a writable device
  std::string_view why_no_strict;   // why it can't do AttachRequest::is_strict
  std::string_view why_no_excess;   // why it can't show a disk with DiskLayout::is_excessive
};

// All back ends, in the order in which "auto" tries them.
inline constexpr std::array<BackendRules, 3> kBackends = {{
    {.name = "nbd",
     .why_no_file = "makes block devices only",
     .why_no_overlay = "",
     .why_no_strict = "",
     // Nothing keeps the nbd driver from scanning for partitions.
     .why_no_excess = "the disk has too many partitions, and the kernel creates a node for each: "
                      "use dm or fuse"},
    {.name = "dm",
     .why_no_file = "makes block devices only",
     // dm-snapshot can, but the whole snapshot is lost when its scratch file is full
     // (docs/KERNEL.md#device-mapper-full-snapshots).
     .why_no_overlay = "makes read-only devices only, without an overlay",
     .why_no_strict = "can't watch the image, which --strict needs",
     .why_no_excess = ""},
    {.name = "fuse",
     .why_no_file = "",
     .why_no_overlay = "",
     .why_no_strict = "",
     .why_no_excess = ""},
}};

// The words that --backend takes: "auto" and the names.
[[nodiscard]] std::vector<std::string> backend_words();
// All words of --backend as part of a sentence: "auto, nbd, dm or fuse".
[[nodiscard]] std::string any_backend();

// The back ends that `request` names or allows, in the order in which to try them.
// ErrorKind::usage for an unknown name, or when none can make a file for as_file.
[[nodiscard]] Result<std::vector<const BackendRules*>> candidate_backends(
    const AttachRequest& request);

// Fails when no host lets this back end meet the request; the message begins with its name.
// ErrorKind::usage for an option, ErrorKind::refused for the layout.
[[nodiscard]] Result<void> check_backend_fits(const BackendRules& backend, const DiskLayout& layout,
                                              const AttachRequest& request);

// Collects the reasons why back ends were not used.
class PassedOver {
 public:
  void add(const BackendRules& backend, Error reason);
  [[nodiscard]] bool empty() const { return text_.empty(); }
  // All reasons as "nbd: ...; dm: ...".
  [[nodiscard]] const std::string& text() const { return text_; }
  // The error for a request that none of `tried` back ends can meet. The last reason gives its
  // kind.
  [[nodiscard]] Error error(size_t tried) const;

 private:
  std::string text_;
  ErrorKind kind_ = ErrorKind::missing_kernel_part;
};

}  // namespace ploopu
