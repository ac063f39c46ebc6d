// SPDX-License-Identifier: GPL-2.0-or-later
// "Has the image changed?": the files of an image as they were when it was opened, and the only
// comparison of two such states. The askers differ on purpose in what they want to know:
//
//     asked by               the same files?             written to?       more evidence
//     list                   what has their paths now    yes: a warning    a path that leads
//     nowhere attach, of what is     those of the opened image   yes: a warning    -
//       attached already       (other files: says which state is attached)
//     reload                 those of the opened image   yes: refused      -
//                              (other files: refused)
//     the watch of a server, not asked: it has them      yes: a log line,  no name left: a log line
//       --strict               open                        --strict EIO
//     a kept overlay         not asked: an image may     yes: refused      the first bytes of each
//     file
//                              be moved                                      and of the disk
//
// A file was written to when its size or its mtime differs. Nobody asks for ctime, which a chmod, a
// link or a rename changes, too. What is written by somebody who sets mtime back goes unnoticed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/disk/disk.hpp"
#include "core/files/file_system.hpp"

namespace ploopu {

struct FileState {
  FileIdentity identity;
  std::string path;      // empty in records of older versions, which have only the identity
  uint64_t size = 0;     // bytes
  int64_t modified = 0;  // mtime, in nanoseconds since 1970
  bool operator==(const FileState&) const = default;
};

struct ImageState {
  std::vector<FileState> files;  // base first
  bool operator==(const ImageState&) const = default;

  // False where changes can't be told, for want of what the files were like.
  [[nodiscard]] bool is_known() const { return !files.empty() && !files.front().path.empty(); }
};

// The state when the files of the disk were opened.
[[nodiscard]] ImageState state_of(const Disk& disk);

// Whether they are the same files, written to or not.
[[nodiscard]] bool has_same_files(const ImageState& a, const ImageState& b);

// Whether the newest delta is the same file, written to or not.
[[nodiscard]] bool has_same_top(const ImageState& a, const ImageState& b);

// The file that a path leads to now.
struct FileNow {
  int error = 0;  // errno value of looking at it; then the rest says nothing
  FileState state;
};

enum class FileChange {
  none,
  written,   // size or mtime differ
  replaced,  // another file has the path
  gone,      // no file has the path
  unknown,   // looking fails
};

[[nodiscard]] FileChange compare(const FileState& then, const FileNow& now);

struct ImageChanges {
  std::optional<bool> any;         // nothing when nobody can tell
  std::vector<std::string> lines;  // for each file: how it changed, or why nobody can tell
};

// `now` is of the same files, in their order. `is_strict`: an image that was written to isn't
// served any more.
[[nodiscard]] ImageChanges compare(const ImageState& then, const std::vector<FileNow>& now,
                                   bool is_strict);

// `now` is of the image opened again. Tells nothing when the image consists of other files now.
[[nodiscard]] ImageChanges compare(const ImageState& then, const ImageState& now, bool is_strict);

}  // namespace ploopu
