// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/block/device_mapper.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <string_view>

#include <libdevmapper.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "platform/block/block_device.hpp"
#include "platform/kernel/module_loader.hpp"
#include "platform/os/queue_settings.hpp"
#include "platform/os/wait.hpp"

namespace ploopu {
namespace {

constexpr std::string_view kNodes = "/dev/mapper/";

struct TaskDeleter {
  void operator()(dm_task* task) const { dm_task_destroy(task); }
};
using Task = std::unique_ptr<dm_task, TaskDeleter>;

// The first error message of libdevmapper since new_task(); later messages are consequences of it.
std::string& complaint() {
  static std::string text;
  return text;
}

// NOLINTNEXTLINE(cert-dcl50-cpp): libdevmapper requires this type
__attribute__((format(printf, 5, 6))) void take_complaint(int level, const char* /*file*/,
                                                          int /*line*/, int /*error*/,
                                                          const char* format, ...) {
  constexpr int kLevels = 7;  // mask of the level; higher bits are flags
  constexpr int kError = 3;
  if ((level & kLevels) > kError || !complaint().empty()) return;
  std::array<char, 512> text{};
  va_list arguments;
  va_start(arguments, format);
  static_cast<void>(std::vsnprintf(text.data(), text.size(), format, arguments));
  va_end(arguments);
  complaint() = text.data();
}

Task new_task(int type) {
  dm_log_with_errno_init(take_complaint);
  complaint().clear();
  return Task(dm_task_create(type));
}

tl::unexpected<Error> task_failed(const Task& task, const std::string& name) {
  const int error = task ? dm_task_get_errno(task.get()) : ENOMEM;
  auto failure = fail_errno(error, name);
  if (!complaint().empty()) failure.value().message = fmt::format("{}: {}", name, complaint());
  return failure;
}

// Tells udev to make the node, but no links by the contents of the device, and to give the device
// to neither LVM, md nor btrfs. packaging/59-ploopu.rules does so for other devices; it is too late
// for these if device-mapper's rules have a lower number.
constexpr uint16_t kUdevFlags = DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG |
                                DM_UDEV_DISABLE_DISK_RULES_FLAG | DM_UDEV_DISABLE_OTHER_RULES_FLAG;

// Runs a task that makes or removes a node, and returns when that has happened. If udev runs, it
// reports through the cookie; otherwise libdevmapper changes the node itself in dm_udev_wait().
bool run_and_wait(const Task& task) {
  uint32_t cookie = 0;
  const bool done =
      dm_task_set_cookie(task.get(), &cookie, kUdevFlags) != 0 && dm_task_run(task.get()) != 0;
  return dm_udev_wait(cookie) != 0 && done;
}

// Without the driver, libdevmapper only prints messages about its control device.
bool is_available() { return ::access("/sys/class/misc/device-mapper", F_OK) == 0; }

// Returns the device whose name or UUID was set in `task`; nothing if there is none.
std::optional<DmDevice> ask(const Task& task) {
  struct dm_info info = {};
  if (dm_task_no_open_count(task.get()) == 0 || dm_task_run(task.get()) == 0 ||
      dm_task_get_info(task.get(), &info) == 0 || info.exists == 0) {
    return std::nullopt;
  }
  return DmDevice{dm_task_get_name(task.get()), dm_task_get_uuid(task.get()),
                  makedev(info.major, info.minor), info.live_table != 0};
}

}  // namespace

std::string dm_node(const std::string& name) { return std::string(kNodes) + name; }

bool has_dm_target(const std::string& target) {
  if (!is_available()) return false;
  const Task task = new_task(DM_DEVICE_LIST_VERSIONS);
  if (!task || dm_task_run(task.get()) == 0) return false;
  const dm_versions* version = dm_task_get_versions(task.get());
  while (version != nullptr && target != version->name) {
    // The list is a block of memory; `next` is an offset from the current entry.
    version = version->next == 0 ? nullptr
                                 : reinterpret_cast<const dm_versions*>(
                                       reinterpret_cast<const char*>(version) + version->next);
  }
  return version != nullptr;
}

Result<void> require_dm_target(const std::string& target, const std::string& module) {
  if (!is_available()) PLOOPU_CHECK(load_kernel_module("dm_mod", ""));
  PLOOPU_CHECK(require_driver("/dev/mapper/control", "dm_mod"));
  if (has_dm_target(target)) return {};
  return load_kernel_module(module, "");
}

std::vector<DmDevice> list_dm_devices() {
  std::vector<DmDevice> devices;
  if (!is_available()) return devices;
  const Task task = new_task(DM_DEVICE_LIST);
  if (!task || dm_task_run(task.get()) == 0) return devices;
  const dm_names* entry = dm_task_get_names(task.get());
  if (entry == nullptr || entry->dev == 0) return devices;
  while (true) {
    const Task info = new_task(DM_DEVICE_INFO);
    if (info && dm_task_set_name(info.get(), entry->name) != 0) {
      if (auto device = ask(info)) devices.push_back(*std::move(device));
    }
    if (entry->next == 0) return devices;
    entry = reinterpret_cast<const dm_names*>(reinterpret_cast<const char*>(entry) + entry->next);
  }
}

std::optional<DmDevice> find_dm_device(const std::string& uuid) {
  if (!is_available()) return std::nullopt;
  const Task task = new_task(DM_DEVICE_INFO);
  if (!task || dm_task_set_uuid(task.get(), uuid.c_str()) == 0) return std::nullopt;
  return ask(task);
}

std::vector<DmLine> read_dm_table(const std::string& uuid) {
  std::vector<DmLine> table;
  const Task task = new_task(DM_DEVICE_TABLE);
  if (!task || dm_task_set_uuid(task.get(), uuid.c_str()) == 0 || dm_task_run(task.get()) == 0) {
    return table;
  }
  void* next = nullptr;
  do {
    DmLine line;
    char* target = nullptr;
    char* parameters = nullptr;
    next = dm_get_next_target(task.get(), next, &line.start, &line.length, &target, &parameters);
    if (target == nullptr) continue;
    line.target = target;
    line.parameters = parameters != nullptr ? parameters : "";
    table.push_back(std::move(line));
  } while (next != nullptr);
  return table;
}

Result<void> create_dm_device(const std::string& name, const std::string& uuid,
                              const std::vector<DmLine>& table) {
  const Task task = new_task(DM_DEVICE_CREATE);
  if (!task || dm_task_set_name(task.get(), name.c_str()) == 0 ||
      dm_task_set_uuid(task.get(), uuid.c_str()) == 0 || dm_task_set_ro(task.get()) == 0 ||
      dm_task_set_read_ahead(task.get(), kReadAhead / kSectorSize, 0) == 0) {
    return task_failed(task, name);
  }
  for (const auto& line : table) {
    if (dm_task_add_target(task.get(), line.start, line.length, line.target.c_str(),
                           line.parameters.c_str()) == 0) {
      return task_failed(task, name);
    }
  }
  // With lines of a table, this task creates the device, loads the table and resumes the device. If
  // a step fails, libdevmapper removes the device again.
  if (!run_and_wait(task)) return task_failed(task, name);
  const auto device = find_dm_device(uuid);
  const auto exists = [&] { return device && device_number(dm_node(name)) == device->number; };
  if (wait_until(exists, kNodeLimit)) return {};
  if (device) static_cast<void>(remove_dm_device(*device));
  return fail(ErrorKind::failed, "{}: the kernel has this device, but /dev got no node for it",
              dm_node(name));
}

Result<void> remove_dm_device(const DmDevice& device) {
  auto removed = Result<void>();
  const auto tried = [&] {
    const Task task = new_task(DM_DEVICE_REMOVE);
    removed = {};
    if (!task || dm_task_set_uuid(task.get(), device.uuid.c_str()) == 0 || !run_and_wait(task)) {
      removed = task_failed(task, device.name);
    }
    return removed || removed.error().kind != ErrorKind::busy;
  };
  static_cast<void>(wait_until(tried, kBriefUse));
  if (!removed && find_dm_device(device.uuid)) return removed;
  // A removal by UUID leaves the node (docs/KERNEL.md#device-mapper-devices-and-nodes).
  forget_dm_node(dm_node(device.name));
  return {};
}

void forget_dm_node(const std::string& node) {
  if (!node.starts_with(kNodes) || ::access(node.c_str(), F_OK) != 0) return;
  static_cast<void>(dm_mknodes(node.substr(kNodes.size()).c_str()));
  dm_task_update_nodes();
}

}  // namespace ploopu
