// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/runtime_dir.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "platform/files/posix_file_system.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

constexpr char kRecordName[] = "attachment.json";
constexpr char kServersName[] = "servers";
constexpr size_t kIdLength = 16;
constexpr std::chrono::seconds kLockLimit{30};

bool is_id(const std::string& name) {
  return name.size() == kIdLength &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Replaces a file in one step: a process that reads it sees the old text or the new text.
Result<void> replace_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  const UniqueFd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return fail_errno(errno, temporary);
  const ssize_t written = ::write(fd.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    return fail_errno(written < 0 ? errno : ENOSPC, temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno(errno, path);
  return {};
}

// Returns the text of a file, and no text if the file is missing.
Result<std::string> read_note(const std::string& path) {
  constexpr size_t kMaxNote = size_t{16} << 20;  // a record has less than 10 KiB for each mount
  auto note = PosixFileSystem().read_text(path, kMaxNote);
  if (!note && note.error().kind == ErrorKind::not_found) return std::string();
  PLOOPU_CHECK(note);
  return std::move(note->text);
}

bool is_owned(const std::string& directory, uid_t user) {
  struct stat status = {};
  return ::lstat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == user;
}

std::pair<time_t, long> time_of(const UniqueFd& file) {
  struct stat status = {};
  ::fstat(file.get(), &status);
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

std::vector<ProcessIdentity> parse_servers(const std::string& text) {
  std::vector<ProcessIdentity> servers;
  std::istringstream words(text);
  ProcessIdentity server;
  while (words >> server.pid >> server.start_time) servers.push_back(server);
  return servers;
}

}  // namespace

std::string runtime_path(const RuntimePlaces& places, uid_t user) {
  if (places.given.starts_with('/')) return places.given + "/ploopu";
  const std::string ours = fmt::format("{}/{}", places.users, user);
  if (is_owned(ours, user)) return ours + "/ploopu";
  const std::string shared = fmt::format("{}/ploopu-{}", places.temporary, user);
  const bool is_taken = ::access(shared.c_str(), F_OK) == 0 && !is_owned(shared, user);
  return is_taken && places.home.starts_with('/') ? places.home + "/.ploopu" : shared;
}

std::string default_runtime_path() {
  if (::geteuid() == 0) return "/run/ploopu";
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  return runtime_path({variable("XDG_RUNTIME_DIR"), variable("HOME")}, ::geteuid());
}

std::string random_id() {
  std::array<unsigned char, kIdLength / 2> bytes{};
  // getrandom(2) returns up to 256 bytes whole, and waits only early at boot.
  while (::getrandom(bytes.data(), bytes.size(), 0) != ssize_t{bytes.size()}) continue;
  std::string id;
  for (const unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
  return id;
}

Result<RuntimeDir> RuntimeDir::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, path);
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status = {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, path);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 0077) != 0) {
    return fail(ErrorKind::not_permitted, "{}: must be a directory that you own, with mode 0700",
                path);
  }
  // Uses the path without symbolic links, because /proc/self/mountinfo and sysfs show that path for
  // files of the directory.
  std::array<char, PATH_MAX> real{};
  const std::string link = fmt::format("/proc/self/fd/{}", fd.get());
  const ssize_t length = ::readlink(link.c_str(), real.data(), real.size());
  if (length < 0) return fail_errno(errno, path);
  return RuntimeDir(std::string(real.data(), static_cast<size_t>(length)));
}

bool RuntimeDir::exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

UniqueFd RuntimeDir::open_lock() const {
  const std::string path = path_ + "/lock";
  constexpr int kFlags = O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | kFlags, 0600));
  // Detaching must work even if the directory has become read-only.
  if (!fd.valid() && errno == EROFS) fd.reset(::open(path.c_str(), O_RDONLY | kFlags));
  return fd;
}

Result<UniqueFd> RuntimeDir::lock() const {
  UniqueFd fd = open_lock();
  if (!fd.valid()) return fail_errno(errno, path_ + "/lock");
  // Each process that gets the lock changes the time of the file. So a process in a long queue sees
  // that the queue moves, and waits on.
  bool is_ours = false;
  while (!is_ours) {
    const auto stamp = time_of(fd);
    const auto has_moved = [&] {
      is_ours = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
      return is_ours || time_of(fd) != stamp;
    };
    if (!wait_until(has_moved, kLockLimit)) {
      return fail(ErrorKind::busy,
                  "{}/lock: another ploopu command holds it: try again when that has ended", path_);
    }
  }
  ::futimens(fd.get(), nullptr);
  return fd;
}

UniqueFd RuntimeDir::try_lock() const {
  UniqueFd fd = open_lock();
  if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
  return fd;
}

Result<std::vector<Record>> RuntimeDir::load_all() const {
  std::vector<Record> records;
  PLOOPU_TRY(const auto names, PosixFileSystem().list_directory(path_));
  for (const auto& id : names) {
    if (!is_id(id)) continue;
    PLOOPU_TRY(const auto text, read_note(path_ + "/" + id + "/" + kRecordName));
    PLOOPU_TRY(const auto servers, read_note(path_ + "/" + id + "/" + kServersName));
    Record record = parse_record(text);
    record.id = id;
    record.servers = parse_servers(servers);
    if (record.servers.empty()) record.servers = {record.server};
    record.server = record.servers.front();
    records.push_back(std::move(record));
  }
  return records;
}

Result<void> RuntimeDir::save(const Record& record) const {
  const std::string directory = path_ + "/" + record.id;
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno(errno, directory);
  return replace_file(directory + "/" + kRecordName, record_text(record));
}

Result<void> RuntimeDir::save_servers(const std::string& id,
                                      const std::vector<ProcessIdentity>& servers) const {
  std::string text;
  for (const auto& server : servers) {
    text += fmt::format("{} {}\n", server.pid, server.start_time);
  }
  return replace_file(path_ + "/" + id + "/" + kServersName, text);
}

void RuntimeDir::remove(const std::string& id) const {
  std::error_code ignored;  // the next command that sweeps removes what is left
  std::filesystem::remove_all(path_ + "/" + id, ignored);
}

std::string RuntimeDir::disk_file(const std::string& id) const {
  return path_ + "/" + id + "/disk";
}

}  // namespace ploopu
