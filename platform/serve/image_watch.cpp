// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/image_watch.hpp"

#include <algorithm>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include "platform/files/posix_image_file.hpp"

namespace ploopu {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

std::chrono::milliseconds ImageWatch::due() const {
  if (disk_.state == nullptr) return kInterval;
  return std::chrono::ceil<std::chrono::milliseconds>(
      std::max<Clock::duration>(next_ - Clock::now(), {}));
}

void ImageWatch::look() {
  if (disk_.state == nullptr || Clock::now() < next_) return;
  next_ = Clock::now() + kInterval;
  for (size_t i = 0; i < then_.files.size(); ++i) {
    look_at(disk_.disk.deltas()[i].file().descriptor(), then_.files[i], was_told_[i]);
  }
  if (disk_.state->had_no_room && !was_told_of_room_) {
    was_told_of_room_ = true;
    tell_(fmt::format("{}: its overlay is full: writes fail", then_.files.back().path));
  }
}

void ImageWatch::look_at(int descriptor, const FileState& then, Told& told) {
  struct statx status = {};
  if (::statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
              STATX_INO | STATX_SIZE | STATX_MTIME | STATX_NLINK, &status) != 0) {
    return;
  }
  const ImageFileFacts now = facts_of(status);
  const FileNow opened{0, {then.identity, then.path, now.size, now.modified}};
  if (compare(then, opened) == FileChange::written && !told.was_written) {
    told.was_written = true;
    const bool is_strict = disk_.state->is_strict;
    if (is_strict) disk_.state->is_refused = true;
    tell_(fmt::format("{}: was modified while attached: {}", then.path,
                      is_strict ? "all reads fail (--strict)" : "reads may mix old and new data"));
  }
  if (status.stx_nlink == 0 && !told.was_removed) {
    told.was_removed = true;
    tell_(fmt::format("{}: was removed or replaced: the old files are served until you detach it",
                      then.path));
  }
}

}  // namespace ploopu
