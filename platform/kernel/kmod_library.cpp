// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/kernel/kmod_library.hpp"

#include <dlfcn.h>

namespace ploopu {
namespace {

constexpr char kName[] = "libkmod.so.2";

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));  // NOLINT(*-reinterpret-cast)
  return function != nullptr;
}

}  // namespace

Result<const KmodLibrary*> kmod_library() {
  static KmodLibrary kmod;
  static bool is_loaded = false;
  if (is_loaded) return &kmod;
  void* const library = ::dlopen(kName, RTLD_NOW);
  is_loaded = library != nullptr && find(library, "kmod_new", kmod.create) &&
              find(library, "kmod_unref", kmod.unref) &&
              find(library, "kmod_set_log_fn", kmod.set_log_fn) &&
              find(library, "kmod_module_new_from_lookup", kmod.module_new_from_lookup) &&
              find(library, "kmod_module_get_module", kmod.module_get_module) &&
              find(library, "kmod_module_probe_insert_module", kmod.module_probe_insert_module) &&
              find(library, "kmod_module_unref", kmod.module_unref) &&
              find(library, "kmod_module_unref_list", kmod.module_unref_list) &&
              find(library, "kmod_config_get_blacklists", kmod.config_get_blacklists) &&
              find(library, "kmod_config_get_install_commands", kmod.config_get_install_commands) &&
              find(library, "kmod_config_iter_next", kmod.config_iter_next) &&
              find(library, "kmod_config_iter_get_key", kmod.config_iter_get_key) &&
              find(library, "kmod_config_iter_free_iter", kmod.config_iter_free_iter);
  if (is_loaded) return &kmod;
  const char* const reason = ::dlerror();
  return fail(
      ErrorKind::missing_kernel_part,
      "{}: {}; install it (libkmod2 on Debian, kmod-libs on EL), or load the module with modprobe",
      kName, reason != nullptr ? reason : "cannot be loaded");
}

}  // namespace ploopu
