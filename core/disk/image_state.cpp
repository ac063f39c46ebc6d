// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/image_state.hpp"

#include <algorithm>
#include <cerrno>

namespace ploopu {
namespace {

const char* describe(FileChange change, bool is_strict) {
  switch (change) {
    case FileChange::gone:
      return "was removed: its contents are served until you detach the image";
    case FileChange::replaced:
      return "was replaced: the old file is served until you detach the image";
    case FileChange::written:
      return is_strict ? "was modified while attached: all reads fail (--strict)"
                       : "was modified while attached: reads may mix old and new data";
    case FileChange::none:
    case FileChange::unknown:
      break;
  }
  return "can't be accessed: it may have been modified";
}

}  // namespace

ImageState state_of(const Disk& disk) {
  ImageState state;
  for (const auto& delta : disk.deltas()) {
    const ImageFile& file = delta.file();
    state.files.push_back({file.identity(), delta.name(), file.size(), file.modified()});
  }
  return state;
}

bool has_same_files(const ImageState& a, const ImageState& b) {
  return std::equal(
      a.files.begin(), a.files.end(), b.files.begin(), b.files.end(),
      [](const FileState& x, const FileState& y) { return x.identity == y.identity; });
}

bool has_same_top(const ImageState& a, const ImageState& b) {
  return !a.files.empty() && !b.files.empty() && a.files.back().identity == b.files.back().identity;
}

FileChange compare(const FileState& then, const FileNow& now) {
  if (now.error == ENOENT || now.error == ENOTDIR) return FileChange::gone;
  if (now.error != 0) return FileChange::unknown;
  if (now.state.identity != then.identity) return FileChange::replaced;
  const bool is_same = now.state.size == then.size && now.state.modified == then.modified;
  return is_same ? FileChange::none : FileChange::written;
}

ImageChanges compare(const ImageState& then, const std::vector<FileNow>& now, bool is_strict) {
  ImageChanges changes;
  if (!then.is_known() || now.size() != then.files.size()) return changes;
  changes.any = false;
  for (size_t i = 0; i < now.size(); ++i) {
    const FileChange change = compare(then.files[i], now[i]);
    if (change == FileChange::none) continue;
    // A single changed file decides, even if nobody can tell about the others.
    if (change != FileChange::unknown) {
      changes.any = true;
    } else if (changes.any == false) {
      changes.any.reset();
    }
    const char* what = now[i].error == ETIMEDOUT ? "does not answer: it may have been modified"
                                                 : describe(change, is_strict);
    changes.lines.push_back(fmt::format("{}: {}", then.files[i].path, what));
  }
  return changes;
}

ImageChanges compare(const ImageState& then, const ImageState& now, bool is_strict) {
  if (!has_same_files(then, now)) return {};
  std::vector<FileNow> found;
  found.reserve(now.files.size());
  for (const auto& file : now.files) found.push_back({0, file});
  return compare(then, found, is_strict);
}

}  // namespace ploopu
