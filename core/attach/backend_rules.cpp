// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach/backend_rules.hpp"

namespace ploopu {

Result<void> check_backend_fits(std::string_view backend, const DiskLayout& layout,
                                const AttachRequest& request) {
  // dm-snapshot could, but loses everything when its scratch is full.
  if (backend == "dm" && request.overlay.wanted) {
    return fail(ErrorKind::usage, "dm: makes read-only devices only, without an overlay");
  }
  if (backend == "dm" && request.is_strict) {
    return fail(ErrorKind::usage,
                "dm: the kernel alone reads the image, and watches nothing: no --strict");
  }
  // Its driver can't be told not to look.
  if (backend == "nbd" && layout.is_excessive) {
    return fail(ErrorKind::refused,
                "nbd: the kernel would make a node of each of too many partitions: dm and fuse "
                "don't let it");
  }
  return {};
}

}  // namespace ploopu
