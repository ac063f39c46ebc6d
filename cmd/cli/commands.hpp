// SPDX-License-Identifier: GPL-2.0-or-later
// The verbs. declare_VERB() adds the verb with its options to `app`. If the verb is typed, parsing
// the command line sets `action`, which the caller runs afterwards. `app` and `action` must outlive
// the parsing.
#pragma once

#include <functional>

#include "cmd/cli/context.hpp"
#include "core/base/result.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

using Action = std::function<Result<void>(Context&)>;

// PLOOPU_VERBS has one row for each verb, in the order of help. For example, row(info) stands for
// declare_info() in cmd/verbs/info.cpp. `umount` is another name of detach, declared there.
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
