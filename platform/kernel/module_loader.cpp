// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/kernel/module_loader.hpp"

#include <cerrno>
#include <memory>

#include <fcntl.h>
#include <sys/utsname.h>

#include "platform/kernel/kmod_library.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

std::string kernel_release() {
  struct utsname name = {};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

bool can_open(const char* node) { return UniqueFd(::open(node, O_RDWR | O_CLOEXEC)).valid(); }

}  // namespace

Result<void> load_kernel_module(const std::string& name, const std::string& options) {
  PLOOPU_TRY(const KmodLibrary* const kmod, kmod_library());
  const std::unique_ptr<kmod_ctx, decltype(kmod->unref)> context(kmod->create(nullptr, nullptr),
                                                                 kmod->unref);
  if (!context) return fail(ErrorKind::failed, "libkmod could not be initialised");
  // libkmod's own message about a missing /lib/modules repeats the error below.
  kmod->set_log_fn(
      context.get(), [](void*, int, const char*, int, const char*, const char*, va_list) {},
      nullptr);
  kmod_list* found = nullptr;
  const int looked_up = kmod->module_new_from_lookup(context.get(), name.c_str(), &found);
  const std::unique_ptr<kmod_list, decltype(kmod->module_unref_list)> list(found,
                                                                           kmod->module_unref_list);
  if (looked_up < 0 || !list) {
    return fail(ErrorKind::missing_kernel_part, "this kernel ({}) has no module '{}'",
                kernel_release(), name);
  }
  const std::unique_ptr<kmod_module, decltype(kmod->module_unref)> module(
      kmod->module_get_module(list.get()), kmod->module_unref);
  const int loaded = kmod->module_probe_insert_module(module.get(), KMOD_PROBE_APPLY_BLACKLIST,
                                                      options.c_str(), nullptr, nullptr, nullptr);
  if (loaded == KMOD_PROBE_APPLY_BLACKLIST) {
    return fail(ErrorKind::missing_kernel_part, "module '{}' is blacklisted in modprobe.d", name);
  }
  if (loaded < 0) return fail_errno(-loaded, fmt::format("loading kernel module '{}'", name));
  return {};
}

Result<void> require_driver(const char* node, const char* module) {
  if (can_open(node)) return {};
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    PLOOPU_CHECK(load_kernel_module(module, ""));
    if (can_open(node)) return {};
  }
  auto failure = fail_errno(errno, node);
  if (failure.value().kind == ErrorKind::not_found) {
    failure.value().kind = ErrorKind::missing_kernel_part;
  }
  return failure;
}

}  // namespace ploopu
