// SPDX-License-Identifier: GPL-2.0-or-later
// Looks up verbs by their names and aliases, and suggests words for misspelt ones.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace ploopu::cmd {

// The verb with that name or alias; nullptr when there is none.
[[nodiscard]] CLI::App* find_verb(CLI::App& app, const std::string& name);

// "; did you mean 'list'?" with the candidate that is spelt most like `word`; empty if none is.
[[nodiscard]] std::string suggestion(const std::string& word,
                                     const std::vector<std::string>& candidates);

// The message for an unknown verb, with the verb that was probably meant:
// "'mout' is not a verb of ploopu; did you mean 'mount'?".
[[nodiscard]] std::string unknown_verb(const CLI::App& app, const std::string& name);

}  // namespace ploopu::cmd
