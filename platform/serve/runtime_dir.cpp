// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/runtime_dir.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "platform/os/sysfs.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;
constexpr char kRecordName[] = "attachment.json";
constexpr char kServersName[] = "servers";
constexpr size_t kIdLength = 16;
constexpr std::chrono::seconds kLockLimit{30};

bool is_id(const std::string& name) {
  return name.size() == kIdLength &&
         name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Names may be any bytes, JSON only text: each byte is stored as the code point of its value.
std::string bytes_to_text(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

std::string text_to_bytes(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80 || i + 1 == text.size()) {
      bytes += text[i];
    } else {
      bytes +=
          static_cast<char>((lead & 0x03) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3F));
    }
  }
  return bytes;
}

// json::get makes any number of any other, also where it doesn't fit.
template <class Number>
Number get_number(const json& value) {
  const bool fits = value.is_number_unsigned()
                        ? std::in_range<Number>(value.get<uint64_t>())
                        : value.is_number_integer() && std::in_range<Number>(value.get<int64_t>());
  if (!fits) throw std::out_of_range("a number in a record");
  return value.get<Number>();
}

FileIdentity get_file(const json& value) {
  return {get_number<uint64_t>(value.at(0)), get_number<uint64_t>(value.at(1))};
}

std::string get_bytes(const json& value) { return text_to_bytes(value.get<std::string>()); }

FileState get_file_state(const json& value) {
  FileState file{get_file(value), {}, 0, 0};
  if (value.size() <= 2) return file;  // of an older version
  file.path = get_bytes(value.at(2));
  file.size = get_number<uint64_t>(value.at(3));
  file.modified = get_number<int64_t>(value.at(4));
  return file;
}

json to_json(const Record& record) {
  json partitions = json::array();
  for (const auto& partition : record.partitions) {
    partitions.push_back(
        {{"number", partition.number}, {"device", bytes_to_text(partition.device)}});
  }
  json mountpoints = json::array();
  for (const auto& mountpoint : record.mountpoints)
    mountpoints.push_back(bytes_to_text(mountpoint));
  json chain = json::array();
  for (const auto& file : record.image_state.files) {
    json entry = {file.identity.device, file.identity.inode};
    if (!file.path.empty()) {
      entry.insert(entry.end(), {bytes_to_text(file.path), file.size, file.modified});
    }
    chain.push_back(std::move(entry));
  }
  json document = {{"schema", kSchema},
                   {"image", bytes_to_text(record.image)},
                   {"newest_delta", bytes_to_text(record.newest_delta)},
                   {"chain", std::move(chain)},
                   {"root", bytes_to_text(record.root)},
                   {"backend", record.backend},
                   {"device", bytes_to_text(record.device)},
                   {"is_file", record.is_file},
                   {"has_overlay", record.has_overlay},
                   {"is_strict", record.is_strict},
                   {"scratch", {record.scratch.device, record.scratch.inode}},
                   {"is_users_overlay", record.is_users_overlay},
                   {"overlay_file", bytes_to_text(record.overlay_file)},
                   {"partitions", std::move(partitions)},
                   {"server", {record.server.pid, record.server.start_time}},
                   {"queue", record.queue},
                   {"loops", record.loops},
                   {"mountpoints", std::move(mountpoints)}};
  if (!record.name.empty()) document["name"] = bytes_to_text(record.name);
  if (record.ctid) document["ctid"] = *record.ctid;
  if (record.snapshot) document["snapshot"] = *record.snapshot;
  return document;
}

Record from_json(const json& document) {
  Record record;
  record.is_readable = get_number<int>(document.at("schema")) == kSchema;
  if (!record.is_readable) return record;
  record.image = get_bytes(document.at("image"));
  record.newest_delta = get_bytes(document.at("newest_delta"));
  for (const json& file : document.at("chain")) {
    record.image_state.files.push_back(get_file_state(file));
  }
  if (document.contains("ctid")) record.ctid = document.at("ctid").get<std::string>();
  if (document.contains("snapshot")) record.snapshot = document.at("snapshot").get<std::string>();
  record.root = get_bytes(document.at("root"));
  record.backend = document.at("backend").get<std::string>();
  record.device = get_bytes(document.at("device"));
  record.is_file = document.at("is_file").get<bool>();
  for (const json& partition : document.at("partitions")) {
    record.partitions.push_back(
        {get_number<uint32_t>(partition.at("number")), get_bytes(partition.at("device"))});
  }
  record.server.pid = get_number<pid_t>(document.at("server").at(0));
  record.server.start_time = get_number<uint64_t>(document.at("server").at(1));
  // Records of older versions have none of these.
  if (document.contains("name")) record.name = get_bytes(document["name"]);
  record.has_overlay = document.value("has_overlay", false);
  record.is_strict = document.value("is_strict", false);
  if (document.contains("scratch")) record.scratch = get_file(document["scratch"]);
  if (document.contains("overlay_file")) {
    record.overlay_file = get_bytes(document["overlay_file"]);
  }
  record.is_users_overlay = document.value("is_users_overlay", false);
  record.queue = document.value("queue", QueueSettings());
  if (document.contains("loops")) record.loops = get_number<size_t>(document["loops"]);
  for (const json& mountpoint : document.at("mountpoints")) {
    record.mountpoints.push_back(get_bytes(mountpoint));
  }
  return record;
}

// Whoever reads it sees the old text or the new one.
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

std::string record_text(const Record& record) { return to_json(record).dump(); }

Record parse_record(const std::string& text) {
  try {
    return from_json(json::parse(text));
  } catch (const json::exception&) {  // no JSON, or another shape
  } catch (const std::out_of_range&) {
  }
  Record unreadable;
  unreadable.is_readable = false;
  return unreadable;
}

std::string default_runtime_path() {
  if (::geteuid() == 0) return "/run/ploopu";
  const char* base = std::getenv("XDG_RUNTIME_DIR");
  if (base != nullptr && *base == '/') return std::string(base) + "/ploopu";
  return fmt::format("/tmp/ploopu-{}", ::geteuid());
}

std::string random_id() {
  std::array<unsigned char, kIdLength / 2> bytes{};
  // Up to 256 bytes come whole, and only early in boot would it have to wait.
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
    return fail(ErrorKind::not_permitted,
                "{}: must be a directory that you own, with mode 0700: somebody else made it",
                path);
  }
  // As the kernel calls it: /proc/self/mountinfo and sysfs show that name of what lies in it.
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
  // What is attached can be detached also when nothing can be written down any more.
  if (!fd.valid() && errno == EROFS) fd.reset(::open(path.c_str(), O_RDONLY | kFlags));
  return fd;
}

Result<UniqueFd> RuntimeDir::lock() const {
  UniqueFd fd = open_lock();
  if (!fd.valid()) return fail_errno(errno, path_ + "/lock");
  // Whoever gets it stamps it, so that a queue is seen to move, however long it takes.
  bool is_ours = false;
  while (!is_ours) {
    const auto stamp = time_of(fd);
    const auto has_moved = [&] {
      is_ours = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
      return is_ours || time_of(fd) != stamp;
    };
    if (!wait_until(has_moved, kLockLimit)) {
      return fail(ErrorKind::busy, "{}/lock: another ploopu holds it: try again when it has ended",
                  path_);
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

std::vector<Record> RuntimeDir::load_all() const {
  std::vector<Record> records;
  for (const auto& id : list_directory(path_)) {
    if (!is_id(id)) continue;
    const auto text = read_attribute(path_ + "/" + id + "/" + kRecordName);
    Record record = parse_record(text.value_or(""));
    record.id = id;
    record.servers =
        parse_servers(read_attribute(path_ + "/" + id + "/" + kServersName).value_or(""));
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
  std::error_code ignored;  // what is left is removed by the next command that looks
  std::filesystem::remove_all(path_ + "/" + id, ignored);
}

std::string RuntimeDir::disk_file(const std::string& id) const {
  return path_ + "/" + id + "/disk";
}

}  // namespace ploopu
