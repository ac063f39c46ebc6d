// SPDX-License-Identifier: GPL-2.0-or-later
// libkmod, loaded at its first use: few commands load a kernel module, and libkmod links libcrypto,
// which took a third of the time that every command needs to start.
//
//   PLOOPU_TRY(const KmodLibrary* const kmod, kmod_library());
//   kmod_ctx* context = kmod->create(nullptr, nullptr);
#pragma once

#include <libkmod.h>

#include "core/base/result.hpp"

namespace ploopu {

// The functions of libkmod(3) that ploopu uses, named without "kmod_".
struct KmodLibrary {
  decltype(&::kmod_new) create = nullptr;  // kmod_new
  decltype(&::kmod_unref) unref = nullptr;
  decltype(&::kmod_set_log_fn) set_log_fn = nullptr;
  decltype(&::kmod_module_new_from_lookup) module_new_from_lookup = nullptr;
  decltype(&::kmod_module_get_module) module_get_module = nullptr;
  decltype(&::kmod_module_probe_insert_module) module_probe_insert_module = nullptr;
  decltype(&::kmod_module_unref) module_unref = nullptr;
  decltype(&::kmod_module_unref_list) module_unref_list = nullptr;
  decltype(&::kmod_config_get_blacklists) config_get_blacklists = nullptr;
  decltype(&::kmod_config_get_install_commands) config_get_install_commands = nullptr;
  decltype(&::kmod_config_iter_next) config_iter_next = nullptr;
  decltype(&::kmod_config_iter_get_key) config_iter_get_key = nullptr;
  decltype(&::kmod_config_iter_free_iter) config_iter_free_iter = nullptr;
};

// Loads the library. The result lives as long as the process. Must be called from one thread only.
// ErrorKind::missing_kernel_part if the library isn't installed.
[[nodiscard]] Result<const KmodLibrary*> kmod_library();

}  // namespace ploopu
