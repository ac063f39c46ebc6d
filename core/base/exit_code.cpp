// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/exit_code.hpp"

#include <algorithm>
#include <array>

namespace ploopu {
namespace {

// mount(8): "incorrect invocation or permissions", "mount failure".
constexpr int kMountUsage = 1;
constexpr int kMountFailure = 32;

struct Row {
  ErrorKind kind;
  int code;
  const char* name;
  int mount_code;
};
constexpr std::array<Row, 8> kRows = {{
    {ErrorKind::failed, 1, "failed", kMountFailure},
    {ErrorKind::usage, 64, "usage", kMountUsage},
    {ErrorKind::damaged, 65, "damaged", kMountFailure},
    {ErrorKind::refused, 65, "refused", kMountFailure},
    {ErrorKind::not_found, 66, "not-found", kMountFailure},
    {ErrorKind::missing_kernel_part, 69, "missing-kernel-part", kMountFailure},
    {ErrorKind::busy, 75, "busy", kMountFailure},
    {ErrorKind::not_permitted, 77, "not-permitted", kMountUsage},
}};

const Row& row_of(ErrorKind kind) {
  return *std::find_if(kRows.begin(), kRows.end(),
                       [&](const Row& row) { return row.kind == kind; });
}

}  // namespace

int exit_code(ErrorKind kind) { return row_of(kind).code; }

std::string_view kind_name(ErrorKind kind) { return row_of(kind).name; }

int mount_exit_code(int code) {
  if (code == 0) return 0;
  const auto* const row = std::find_if(
      kRows.begin(), kRows.end(), [&](const Row& candidate) { return candidate.code == code; });
  return row == kRows.end() ? kMountFailure : row->mount_code;
}

}  // namespace ploopu
