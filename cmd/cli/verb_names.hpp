// SPDX-License-Identifier: GPL-2.0-or-later
// Looks up verbs by their names and aliases.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace ploopu::cmd {

// The verb with that name or alias; nullptr when there is none.
[[nodiscard]] CLI::App* find_verb(CLI::App& app, const std::string& name);

// The message for an unknown verb, with the verb that was probably meant:
// "'mout' is not a verb of ploopu; did you mean 'mount'?".
[[nodiscard]] std::string unknown_verb(const CLI::App& app, const std::string& name);

}  // namespace ploopu::cmd
