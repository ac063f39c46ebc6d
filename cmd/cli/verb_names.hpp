// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace ploopu::cmd {

// The verb with that name or alias; nullptr when there is none.
[[nodiscard]] CLI::App* find_verb(CLI::App& app, const std::string& name);

// "'mout' is not a verb of ploopu", and which may have been meant.
[[nodiscard]] std::string unknown_verb(const CLI::App& app, const std::string& name);

}  // namespace ploopu::cmd
