// SPDX-License-Identifier: GPL-2.0-or-later
// Implements the port FileSystem (core/files/file_system.hpp) for the files of this host.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.hpp"

namespace ploopu {

// Opens files O_RDONLY and, if the caller owns the file or is root, without changing atime. The
// kernel enforces the path rules, by openat2 (docs/KERNEL.md#opening-files-openat2).
class PosixFileSystem final : public FileSystem {
 public:
  [[nodiscard]] Result<ResolvedPath> resolve(const std::string& root,
                                             const std::string& path) const override;
  [[nodiscard]] Result<std::optional<std::string>> read_link(
      const std::string& root, const std::string& path) const override;
  [[nodiscard]] Result<TextFile> read_text(const std::string& path,
                                           size_t max_bytes) const override;
  [[nodiscard]] Result<std::vector<std::string>> list_directory(
      const std::string& path) const override;
  [[nodiscard]] Result<std::unique_ptr<ImageFile>> open_image(
      const std::string& path) const override;
  [[nodiscard]] Result<std::unique_ptr<ImageFile>> hold_in_memory(
      std::span<const std::byte> bytes) const override;
  [[nodiscard]] Result<std::unique_ptr<ImageDirectory>> open_directory(
      const std::string& path) const override;
  [[nodiscard]] Result<std::vector<std::string>> writable_by_others(
      const std::string& directory) const override;
};

}  // namespace ploopu
