// SPDX-License-Identifier: GPL-2.0-or-later
// The table of back ends: their order, and what each can't do on any host. `attach`, `-n`, doctor,
// the help and completion ask this table. A new back end is one row here, one folder in platform/
// and its line in platform/attach/backends.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/attach/attachments.hpp"

namespace ploopu {

// Each reason follows "NAME: " in a message, and is empty where the back end can do it.
struct BackendRules {
  std::string_view name;
  std::string_view why_no_file;     // of a plain file instead of a block device
  std::string_view why_no_overlay;  // of a device that can be written
  std::string_view why_no_strict;   // of AttachRequest::is_strict
  std::string_view why_no_excess;   // of DiskLayout::is_excessive
};

// In the order in which "auto" tries them.
inline constexpr std::array<BackendRules, 3> kBackends = {{
    {.name = "nbd",
     .why_no_file = "makes block devices only",
     .why_no_overlay = "",
     .why_no_strict = "",
     // The driver can't be told not to look for partitions.
     .why_no_excess = "the kernel would make a node of each of too many partitions: dm and fuse "
                      "don't let it"},
    {.name = "dm",
     .why_no_file = "makes block devices only",
     // dm-snapshot could, but loses everything when its scratch is full.
     .why_no_overlay = "makes read-only devices only, without an overlay",
     .why_no_strict = "the kernel alone reads the image, and watches nothing: no --strict",
     .why_no_excess = ""},
    {.name = "fuse",
     .why_no_file = "",
     .why_no_overlay = "",
     .why_no_strict = "",
     .why_no_excess = ""},
}};

// What --backend takes: "auto" and the names.
[[nodiscard]] std::vector<std::string> backend_words();
// These words in a sentence: "auto, nbd, dm or fuse".
[[nodiscard]] std::string any_backend();

// The back ends that `request` names or allows, in the order in which they are to be tried.
// ErrorKind::usage when there is none.
[[nodiscard]] Result<std::vector<const BackendRules*>> candidate_backends(
    const AttachRequest& request);

// Whether a back end can do what is asked for, on any host. The error begins with its name.
[[nodiscard]] Result<void> check_backend_fits(const BackendRules& backend, const DiskLayout& layout,
                                              const AttachRequest& request);

// Why back ends were passed over, one after the other.
class PassedOver {
 public:
  void add(const BackendRules& backend, Error reason);
  [[nodiscard]] bool empty() const { return text_.empty(); }
  // "nbd: ...; dm: ..."
  [[nodiscard]] const std::string& text() const { return text_; }
  // For the case that none of `tried` back ends is left. Its kind is that of the last reason.
  [[nodiscard]] Error error(size_t tried) const;

 private:
  std::string text_;
  ErrorKind kind_ = ErrorKind::missing_kernel_part;
};

}  // namespace ploopu
