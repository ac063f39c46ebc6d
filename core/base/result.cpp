// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/base/result.hpp"

#include <cerrno>
#include <system_error>

namespace ploopu {
namespace {

ErrorKind kind_of_errno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
    case ENODEV:
      return ErrorKind::not_found;
    case EACCES:
    case EPERM:
      return ErrorKind::not_permitted;
    case EBUSY:
      return ErrorKind::busy;
    default:
      return ErrorKind::failed;
  }
}

}  // namespace

// The numbers of sysexits.h, as DESIGN.md section 4 fixes them.
int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return 1;
    case ErrorKind::usage:
      return 64;
    case ErrorKind::damaged:
    case ErrorKind::refused:
      return 65;
    case ErrorKind::not_found:
      return 66;
    case ErrorKind::missing_kernel_part:
      return 69;
    case ErrorKind::busy:
      return 75;
    case ErrorKind::not_permitted:
      return 77;
  }
  return 1;
}

std::string_view kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return "failed";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::damaged:
      return "damaged";
    case ErrorKind::refused:
      return "refused";
    case ErrorKind::not_found:
      return "not-found";
    case ErrorKind::missing_kernel_part:
      return "missing-kernel-part";
    case ErrorKind::busy:
      return "busy";
    case ErrorKind::not_permitted:
      return "not-permitted";
  }
  return "failed";
}

tl::unexpected<Error> fail_errno(int error, std::string_view what) {
  return fail(kind_of_errno(error), "{}: {}", what,
              std::error_code(error, std::generic_category()).message());
}

}  // namespace ploopu
