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

// One row a verb, in the order in which help shows them. `info` is declared by declare_info() in
// cmd/verbs/info.cpp.
// clang-format off
#define PLOOPU_VERBS(row) \
  row(info)               \
  row(map)                \
  row(check)              \
  row(snapshots)          \
  row(attach)             \
  row(mount)              \
  row(detach)             \
  row(reload)             \
  row(list)               \
  row(doctor)             \
  row(help)
// clang-format on

#define PLOOPU_DECLARE_VERB(verb) void declare_##verb(CLI::App& app, Action& action);
PLOOPU_VERBS(PLOOPU_DECLARE_VERB)
#undef PLOOPU_DECLARE_VERB

}  // namespace ploopu::cmd
