// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.hpp"
#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

// A tree of files in memory. A directory exists if it contains a file. A root other than "/" is a
// prefix, and links do not lead out of the root.
class FakeFileSystem final : public FileSystem {
 public:
  void add(const std::string& path, const std::string& content);
  void add(const std::string& path, std::shared_ptr<MemoryFile> file);
  void add_directory(const std::string& path) { files_[path + "/."] = nullptr; }
  void add_special(const std::string& path) { files_[path] = nullptr; }
  void remove(const std::string& path) { files_.erase(path); }
  // Called with the path after every read of a text or of the content of a file. A test can change
  // files here.
  std::function<void(const std::string& path)> on_read;
  void let_others_write(const std::string& directory) { writable_.push_back(directory); }
  void add_link(const std::string& path, const std::string& target) { links_[path] = target; }
  // Makes every attempt to open this file fail.
  void forbid(const std::string& path) { forbidden_.push_back(path); }

  Result<ResolvedPath> resolve(const std::string& root, const std::string& path) const override;
  Result<std::optional<std::string>> read_link(const std::string& root,
                                               const std::string& path) const override;
  Result<TextFile> read_text(const std::string& path, size_t max_bytes) const override;
  Result<std::vector<std::string>> list_directory(const std::string& path) const override;
  Result<std::unique_ptr<ImageFile>> open_image(const std::string& path) const override;
  Result<std::unique_ptr<ImageFile>> hold_in_memory(
      std::span<const std::byte> bytes) const override;
  Result<std::unique_ptr<ImageDirectory>> open_directory(const std::string& path) const override;
  Result<std::vector<std::string>> writable_by_others(const std::string& directory) const override;

 private:
  [[nodiscard]] std::string follow(const std::string& root, const std::string& path) const;

  std::map<std::string, std::string> links_;
  std::map<std::string, std::shared_ptr<MemoryFile>> files_;  // null: neither file nor directory
  std::vector<std::string> forbidden_;
  std::vector<std::string> writable_;
};

}  // namespace ploopu::testing
