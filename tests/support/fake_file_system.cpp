// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/fake_file_system.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace ploopu::testing {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel

// Lets several openers share one file.
class Shared final : public ImageFile {
 public:
  Shared(std::shared_ptr<MemoryFile> file, std::function<void()> on_read)
      : file_(std::move(file)), on_read_(std::move(on_read)) {}
  [[nodiscard]] uint64_t size() const override { return file_->size(); }
  [[nodiscard]] FileIdentity identity() const override {
    return {1, reinterpret_cast<uintptr_t>(file_.get())};
  }
  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] uint64_t next_data(uint64_t offset) const override {
    return file_->next_data(offset);
  }
  [[nodiscard]] uint64_t next_hole(uint64_t offset) const override {
    return file_->next_hole(offset);
  }
  [[nodiscard]] int read(uint64_t offset, std::span<std::byte> out) const override {
    const int error = file_->read(offset, out);
    on_read_();
    return error;
  }

 private:
  std::shared_ptr<MemoryFile> file_;
  std::function<void()> on_read_;
};

}  // namespace

void FakeFileSystem::add(const std::string& path, const std::string& content) {
  Bytes bytes(content.size());
  std::transform(content.begin(), content.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  files_[path] = std::make_shared<MemoryFile>(std::move(bytes));
}

void FakeFileSystem::add(const std::string& path, std::shared_ptr<MemoryFile> file) {
  files_[path] = std::move(file);
}

// Links in the middle and at the end, a few of them at most; absolute targets are below `root`.
std::string FakeFileSystem::follow(const std::string& root, const std::string& path) const {
  namespace fs = std::filesystem;
  std::string inside = fs::path(path).lexically_normal();
  int followed = 0;
  for (size_t at = inside.find('/', 1); !links_.empty() && inside.size() < 1000;) {
    const std::string head = inside.substr(0, at);
    const auto link = links_.find(root + head);
    if (link != links_.end()) {
      if (++followed > kMaxLinks) break;
      const std::string rest = at == std::string::npos ? "" : inside.substr(at);
      const fs::path target = fs::path(head).parent_path() / link->second;
      inside = fs::path(target.string() + rest).lexically_normal();
      at = inside.find('/', 1);
      continue;
    }
    if (at == std::string::npos) break;
    at = inside.find('/', at + 1);
  }
  if (inside.size() > 1 && inside.ends_with('/')) inside.pop_back();
  return root + inside;
}

Result<std::optional<std::string>> FakeFileSystem::read_link(const std::string& root,
                                                             const std::string& path) const {
  const size_t slash = path.rfind('/');
  const std::string directory = follow(root == "/" ? "" : root, path.substr(0, slash));
  const auto link = links_.find(directory + path.substr(slash));
  if (link == links_.end()) return std::nullopt;
  return link->second;
}

Result<ResolvedPath> FakeFileSystem::resolve(const std::string& root,
                                             const std::string& path) const {
  const std::string full = follow(root == "/" ? "" : root, path);
  if (const auto found = files_.find(full); found != files_.end()) {
    return ResolvedPath{full, found->second ? PathType::regular : PathType::other};
  }
  const auto below = files_.lower_bound(full + "/");
  if (below != files_.end() && below->first.starts_with(full + "/")) {
    return ResolvedPath{full, PathType::directory};
  }
  return ResolvedPath{path, PathType::missing};
}

Result<TextFile> FakeFileSystem::read_text(const std::string& path, size_t max_bytes) const {
  PLOOPU_TRY(const auto file, open_image(path));
  if (file->size() > max_bytes) return fail(ErrorKind::damaged, "{}: too large", path);
  std::string text(file->size(), '\0');
  if (file->read(0, std::as_writable_bytes(std::span(text))) != 0) return fail_errno(EIO, path);
  return TextFile{std::move(text), file->identity()};
}

Result<std::vector<std::string>> FakeFileSystem::list_directory(const std::string& path) const {
  const std::string prefix = path + "/";
  std::set<std::string> names;
  const auto collect = [&](const auto& paths) {
    for (auto at = paths.lower_bound(prefix); at != paths.end() && at->first.starts_with(prefix);
         ++at) {
      const std::string rest = at->first.substr(prefix.size());
      if (rest != ".") names.insert(rest.substr(0, rest.find('/')));
    }
  };
  collect(files_);
  collect(links_);
  if (names.empty() && !files_.contains(prefix + ".")) return fail_errno(ENOENT, path);
  return std::vector<std::string>(names.begin(), names.end());
}

Result<std::unique_ptr<ImageFile>> FakeFileSystem::open_image(const std::string& path) const {
  if (std::find(forbidden_.begin(), forbidden_.end(), path) != forbidden_.end()) {
    return fail_errno(EACCES, path);
  }
  const auto found = files_.find(path);
  if (found == files_.end()) return fail_errno(ENOENT, path);
  if (!found->second) return fail(ErrorKind::damaged, "{}: not a regular file", path);
  return std::make_unique<Shared>(found->second, [this, path] {
    if (on_read) on_read(path);
  });
}

Result<std::unique_ptr<ImageFile>> FakeFileSystem::hold_in_memory(
    std::span<const std::byte> bytes) const {
  return std::make_unique<MemoryFile>(Bytes(bytes.begin(), bytes.end()));
}

namespace {

// Looks files up by name.
class FakeDirectory final : public ImageDirectory {
 public:
  FakeDirectory(const FakeFileSystem& files, std::string path)
      : files_(files), path_(std::move(path)) {}

  Result<TextFile> read_text(const std::string& name, size_t max_bytes) const override {
    return files_.read_text(path_ + "/" + name, max_bytes);
  }
  Result<std::unique_ptr<ImageFile>> open_image(const std::string& relative) const override {
    return files_.open_image(path_ + "/" + relative);
  }
  Result<std::unique_ptr<ImageFile>> open_image_outside(const std::string& path) const override {
    return files_.open_image(path);
  }

 private:
  const FakeFileSystem& files_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<ImageDirectory>> FakeFileSystem::open_directory(
    const std::string& path) const {
  return std::make_unique<FakeDirectory>(*this, path);
}

Result<std::vector<std::string>> FakeFileSystem::writable_by_others(
    const std::string& directory) const {
  std::vector<std::string> found;
  for (const auto& writable : writable_) {
    if ((directory + "/").starts_with(writable + "/")) found.push_back(writable);
  }
  return found;
}

}  // namespace ploopu::testing
