// SPDX-License-Identifier: GPL-2.0-or-later
// The files of one host: this host's, or those of a dead host whose disk is mounted somewhere here
// (--root). Paths inside the tree are as that host calls them; paths of this host are as open(2)
// takes them.
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

// Not thread-safe, since it remembers texts.
class HostTree {
 public:
  // `files` outlives the tree. `root` is "/" or an absolute path without a slash at its end.
  HostTree(const FileSystem& files, std::string root) : files_(files), root_(std::move(root)) {}

  [[nodiscard]] const FileSystem& files() const { return files_; }
  [[nodiscard]] const std::string& root() const { return root_; }
  [[nodiscard]] bool is_this_host() const { return root_ == "/"; }

  // Both take paths inside the tree, and are FileSystem's functions of the same name.
  [[nodiscard]] Result<ResolvedPath> resolve(const std::string& path) const {
    return files_.resolve(root_, path);
  }
  [[nodiscard]] Result<std::optional<std::string>> read_link(const std::string& path) const {
    return files_.read_link(root_, path);
  }

  // Resolves a path of this host. Where it lies in the tree, no link leads out of the tree.
  [[nodiscard]] Result<ResolvedPath> resolve_on_host(const std::string& path) const;

  // The text of a small file at a resolved path of this host, which is read from the disk once for
  // all who ask for it within a command. A few texts are kept.
  [[nodiscard]] Result<std::string> read_once(const std::string& path, size_t max_bytes) const;

  // The path of this host for one inside the tree; links aren't followed.
  [[nodiscard]] std::string on_host(const std::string& path) const {
    return is_this_host() ? path : root_ + path;
  }
  // The path inside the tree for one of this host; nothing when it lies elsewhere.
  [[nodiscard]] std::optional<std::string> inside(const std::string& path) const;

  // " under ROOT", for messages; nothing for this host.
  [[nodiscard]] std::string under() const { return is_this_host() ? "" : " under " + root_; }

 private:
  struct Remembered {
    std::string path;
    Result<std::string> text;
  };

  const FileSystem& files_;
  std::string root_;
  mutable std::vector<Remembered> remembered_;  // the last one was asked for last
};

}  // namespace ploopu
