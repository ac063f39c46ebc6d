// SPDX-License-Identifier: GPL-2.0-or-later
// The files of an image as they were when it was opened, and the only comparison of two such
// states.
//
//     const ImageState then = state_of(image.disk);
//     ...
//     const ImageChanges changes = compare(then, state_of(reopened.disk), false);
//
// Each caller of compare() reacts to changes in its own way, on purpose:
//
// - list looks at the files that have the paths now. It warns of a file that was written to or
//   replaced, and of a path that leads nowhere.
// - attach, for an image that is attached already, compares with the files it opened. It warns of a
//   file that was written to. If the image now consists of other files than were
//   attached, attach says which state is attached.
// - reload compares with the files it opened. reload refuses an image that now consists
//   of other files, and any change to a file.
// - The watch of a server has the files open. It logs that a file was written to or lost its last
//   name; with --strict it answers all reads with EIO after a write.
// - A kept overlay file allows that the image was moved. It refuses files that were written to, or
//   whose first bytes differ, or a disk whose first bytes differ.
//
// A file was written to when its size or its mtime differs. ctime is not compared, since a chmod, a
// link or a rename changes it as well. A write by somebody who sets mtime back goes unnoticed.
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
  std::string path;      // empty in records of older versions, which kept the identity only
  uint64_t size = 0;     // bytes
  int64_t modified = 0;  // mtime, in nanoseconds since 1970
  bool operator==(const FileState&) const = default;
};

struct ImageState {
  std::vector<FileState> files;  // base first
  bool operator==(const ImageState&) const = default;

  // Returns false for the record of an older version, which can't tell changes.
  [[nodiscard]] bool is_known() const { return !files.empty() && !files.front().path.empty(); }
};

// The state of the disk's files at the moment they were opened.
[[nodiscard]] ImageState state_of(const Disk& disk);

// Whether both states consist of the same files, written to or not.
[[nodiscard]] bool has_same_files(const ImageState& a, const ImageState& b);

// Whether both states have the same top file, written to or not.
[[nodiscard]] bool has_same_top(const ImageState& a, const ImageState& b);

// The file that a path leads to now.
struct FileNow {
  int error = 0;  // errno value of stat(2); then `state` has no meaning
  FileState state;
};

enum class FileChange {
  none,
  written,   // size or mtime differ
  replaced,  // another file has the path
  gone,      // no file has the path
  unknown,   // stat(2) failed
};

[[nodiscard]] FileChange compare(const FileState& then, const FileNow& now);

struct ImageChanges {
  std::optional<bool> any;         // whether a file changed; nothing when nobody can tell
  std::vector<std::string> lines;  // for each file: how it changed, or why nobody can tell
};

// Compares each file of `then` with the file that has its path now, in the same order. `is_strict`
// only chooses the words: with --strict an image that was written to is no longer served.
[[nodiscard]] ImageChanges compare(const ImageState& then, const std::vector<FileNow>& now,
                                   bool is_strict);

// Compares with the state of the image after it was opened again. The result is empty when the
// image consists of other files now.
[[nodiscard]] ImageChanges compare(const ImageState& then, const ImageState& now, bool is_strict);

}  // namespace ploopu
