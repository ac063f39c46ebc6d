// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/verbs.hpp"

namespace ploopu::cmd {

CLI::App* find_verb(CLI::App& app, const std::string& name) {
  for (CLI::App* verb : app.get_subcommands(nullptr)) {
    if (verb->check_name(name)) return verb;
  }
  return nullptr;
}

}  // namespace ploopu::cmd
