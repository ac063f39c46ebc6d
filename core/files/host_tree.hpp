// SPDX-License-Identifier: GPL-2.0-or-later
// The files of a host: of this one, or of a dead host whose disk is mounted here (--root). A path
// inside the tree is the path that the dead host used; a path of this host is one for open(2).
//
//     const HostTree tree(files, "/old");
//     tree.resolve("/etc/vz/vz.conf")    // "/old/etc/vz/vz.conf", no link leads out of /old
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/files/file_system.hpp"

namespace ploopu {

// Remembers the texts that it read, so it is not thread-safe.
class HostTree {
 public:
  // `files` outlives the tree. `root` is "/" or an absolute path without a slash at its end.
  HostTree(const FileSystem& files, std::string root) : files_(files), root_(std::move(root)) {}

  [[nodiscard]] const FileSystem& files() const { return files_; }
  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] bool is_this_host() const { return root_ == "/"; }

  // Call the functions of FileSystem with these names, for paths inside the tree.
  [[nodiscard]] Result<ResolvedPath> resolve(const std::string& path) const {
    return files_.resolve(root_, path);
  }
  [[nodiscard]] Result<std::optional<std::string>> read_link(const std::string& path) const {
    return files_.read_link(root_, path);
  }

  // Resolves a path of this host. No link leads out of the tree if the path is in it.
  [[nodiscard]] Result<ResolvedPath> resolve_on_host(const std::string& path) const;

  // The text of a file at a resolved path of this host, of at most `max_bytes`. Remembers the last
  // few texts and errors, so that a command reads a configuration only once.
  [[nodiscard]] Result<std::string> read_once(const std::string& path, size_t max_bytes) const;

  // Turns a path inside the tree into a path of this host, without following links.
  [[nodiscard]] std::string on_host(const std::string& path) const {
    return is_this_host() ? path : root_ + path;
  }
  // Turns a path of this host into a path inside the tree; nothing when it is not in the tree.
  [[nodiscard]] std::optional<std::string> inside(const std::string& path) const;

  // The words " under ROOT" for messages; empty for this host.
  [[nodiscard]] std::string under() const { return is_this_host() ? "" : " under " + root_; }

 private:
  struct Remembered {
    std::string path;
    Result<std::string> text;
  };

  const FileSystem& files_;
  std::string root_;
  mutable std::vector<Remembered> remembered_;  // ordered by last use, latest last
};

}  // namespace ploopu
