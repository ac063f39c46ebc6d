// SPDX-License-Identifier: GPL-2.0-or-later
// The subcommands. Each declares its options and, when it is the one that was typed, leaves in
// `action` what is to be done.
#pragma once

#include <functional>

#include "cmd/cli/context.hpp"
#include "core/base/result.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

using Action = std::function<Result<void>(Context&)>;

void declare_info(CLI::App& app, Action& action);
void declare_map(CLI::App& app, Action& action);
void declare_check(CLI::App& app, Action& action);
void declare_snapshots(CLI::App& app, Action& action);
void declare_attach(CLI::App& app, Action& action);
void declare_mount(CLI::App& app, Action& action);
void declare_detach(CLI::App& app, Action& action);
void declare_reload(CLI::App& app, Action& action);
void declare_list(CLI::App& app, Action& action);
void declare_doctor(CLI::App& app, Action& action);
void declare_help(CLI::App& app, Action& action);

}  // namespace ploopu::cmd
