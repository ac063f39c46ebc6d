// SPDX-License-Identifier: GPL-2.0-or-later
// The port through which core reads files. Implemented by platform/files/posix_file_system.
//
//     PLOOPU_TRY(const auto found, files.resolve("/", path));
//     PLOOPU_TRY(const auto file, files.open_image(found.path));
//     const int error = file->read(offset, buffer);  // 0 or an errno value
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"

namespace ploopu {

// Tells files apart, whatever their names: st_dev and st_ino.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};
template <class Codec>
void fields(Codec& codec, FileIdentity& identity) {
  codec(identity.device, identity.inode);
}

// A file opened for reading only. Thread-safe: reads carry their own offset.
class ImageFile {
 public:
  ImageFile() = default;
  virtual ~ImageFile() = default;
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;

  // Size in bytes when the file was opened.
  [[nodiscard]] virtual uint64_t size() const = 0;

  [[nodiscard]] virtual FileIdentity identity() const = 0;

  // The mtime when the file was opened, in nanoseconds since 1970.
  [[nodiscard]] virtual int64_t modified() const { return 0; }

  // The open file descriptor, which this object owns.
  [[nodiscard]] virtual int descriptor() const = 0;

  // The first byte from `offset` on that may be data; the bytes before it are a hole and read as
  // zeros. Returns size() when no data follows, and `offset` if the file system can't tell holes.
  [[nodiscard]] virtual uint64_t next_data(uint64_t offset) const { return offset; }

  // The first byte from `offset` on that is in a hole. Returns size() when no hole follows, or if
  // the file system can't tell holes.
  [[nodiscard]] virtual uint64_t next_hole(uint64_t /*offset*/) const { return size(); }

  // Asks the system to fetch bytes that will be read soon. Doesn't wait.
  virtual void prefetch(uint64_t /*offset*/, uint64_t /*length*/) const {}

  // Fills `out` from byte `offset`. Returns 0 or an errno value: EIO for bytes past the end of the
  // file, never zeros. After an error the contents of `out` are undefined.
  [[nodiscard]] virtual int read(uint64_t offset, std::span<std::byte> out) const = 0;
};

struct TextFile {
  std::string text;
  FileIdentity identity;
};

// The directory of an image, which is held: even if the directory is renamed, all files come from
// the directory that was opened.
//
//     PLOOPU_TRY(const auto bundle, files.open_directory("/vz/private/101/root.hdd"));
//     PLOOPU_TRY(const auto text, bundle->read_text("DiskDescriptor.xml", kMaxDescriptorBytes));
//     PLOOPU_TRY(const auto file, bundle->open_image("root.hds"));
class ImageDirectory {
 public:
  ImageDirectory() = default;
  virtual ~ImageDirectory() = default;
  ImageDirectory(const ImageDirectory&) = delete;
  ImageDirectory& operator=(const ImageDirectory&) = delete;

  // As FileSystem::read_text(), for a name in the directory.
  [[nodiscard]] virtual Result<TextFile> read_text(const std::string& name,
                                                   size_t max_bytes) const = 0;

  // As FileSystem::open_image(), for a path relative to the directory that must stay beneath it; no
  // link is followed. For root, a file of another owner than the directory is refused
  // (ErrorKind::damaged), unless everybody may read the file, or the directory belongs to
  // root. Otherwise the directory's owner could make root read a
  // foreign file through a hard link.
  [[nodiscard]] virtual Result<std::unique_ptr<ImageFile>> open_image(
      const std::string& relative) const = 0;

  // Opens a regular file at an already resolved path anywhere, because a descriptor in this
  // directory names it: the rule about owners holds.
  [[nodiscard]] virtual Result<std::unique_ptr<ImageFile>> open_image_outside(
      const std::string& path) const = 0;
};

enum class PathType { missing, regular, directory, other };

struct ResolvedPath {
  std::string path;  // absolute, all symbolic links followed; as given when missing
  PathType type = PathType::missing;
};

class FileSystem {
 public:
  FileSystem() = default;
  virtual ~FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  // Follows the symbolic links of `path`, but not those of /proc to open files of a process, which
  // are ErrorKind::damaged. With `root` other than "/", `path` is a path inside that tree, and no
  // link, even an absolute one, leads out of the tree. Returns a path of this host; a missing file
  // is no error.
  [[nodiscard]] virtual Result<ResolvedPath> resolve(const std::string& root,
                                                     const std::string& path) const = 0;

  // The text of the symbolic link at `path`, after the links of its directories were followed;
  // nothing when there is no link. `root` is that of resolve().
  [[nodiscard]] virtual Result<std::optional<std::string>> read_link(
      const std::string& root, const std::string& path) const = 0;

  // The contents and the identity of a regular file at an already resolved path.
  // ErrorKind::damaged for a file of more than `max_bytes`.
  [[nodiscard]] virtual Result<TextFile> read_text(const std::string& path,
                                                   size_t max_bytes) const = 0;

  // The sorted names in a directory at an already resolved path, without "." and "..".
  // ErrorKind::damaged for more than 100,000 names.
  [[nodiscard]] virtual Result<std::vector<std::string>> list_directory(
      const std::string& path) const = 0;

  // Opens a regular file at an already resolved path. Refuses a device, FIFO or directory without
  // opening it.
  [[nodiscard]] virtual Result<std::unique_ptr<ImageFile>> open_image(
      const std::string& path) const = 0;

  // Makes a file in memory with a copy of `bytes`, which nobody can change.
  [[nodiscard]] virtual Result<std::unique_ptr<ImageFile>> hold_in_memory(
      std::span<const std::byte> bytes) const = 0;

  // Holds the directory of an image, at an already resolved path.
  [[nodiscard]] virtual Result<std::unique_ptr<ImageDirectory>> open_directory(
      const std::string& path) const = 0;

  // The world-writable directories among `directory`, an already resolved path, and those above it.
  // Directories with the sticky bit, such as /tmp, don't count: there, users can't replace the
  // files of others.
  [[nodiscard]] virtual Result<std::vector<std::string>> writable_by_others(
      const std::string& directory) const = 0;
};

}  // namespace ploopu
