// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/image_watch.hpp"

#include <algorithm>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

namespace ploopu {
namespace {

constexpr std::chrono::seconds kInterval{1};

}  // namespace

std::chrono::milliseconds ChainWatch::due() const {
  if (disk_.state == nullptr) return kInterval;
  return std::chrono::ceil<std::chrono::milliseconds>(
      std::max<Clock::duration>(next_ - Clock::now(), {}));
}

void ChainWatch::look() {
  if (disk_.state == nullptr || Clock::now() < next_) return;
  next_ = Clock::now() + kInterval;
  const auto& deltas = disk_.disk.deltas();
  for (size_t i = 0; i < deltas.size(); ++i) {
    look_at(deltas[i].file(), deltas[i].name(), was_told_[i]);
  }
  if (disk_.state->had_no_room && !was_told_of_room_) {
    was_told_of_room_ = true;
    tell_(fmt::format("{}: its overlay is full: writes fail", deltas.back().name()));
  }
}

void ChainWatch::look_at(const ImageFile& file, const std::string& name, Told& told) {
  struct statx now = {};
  if (::statx(file.descriptor(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
              STATX_SIZE | STATX_MTIME | STATX_NLINK, &now) != 0) {
    return;
  }
  constexpr int64_t kSecond = 1'000'000'000;
  const bool is_same = now.stx_size == file.size() &&
                       now.stx_mtime.tv_sec * kSecond + now.stx_mtime.tv_nsec == file.modified();
  if (!is_same && !told.was_written) {
    told.was_written = true;
    const bool is_strict = disk_.state->is_strict;
    if (is_strict) disk_.state->is_refused = true;
    tell_(fmt::format("{}: was written to while it is attached: {}", name,
                      is_strict ? "all reads are errors from now on (--strict)"
                                : "what is read may mix old and new"));
  }
  if (now.stx_nlink == 0 && !told.was_removed) {
    told.was_removed = true;
    tell_(fmt::format("{}: was removed or replaced: what was there is served until it is detached",
                      name));
  }
}

}  // namespace ploopu
