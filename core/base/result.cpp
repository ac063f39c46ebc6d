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

tl::unexpected<Error> fail_errno(int error, std::string_view what) {
  return fail(kind_of_errno(error), "{}: {}", what,
              std::error_code(error, std::generic_category()).message());
}

}  // namespace ploopu
