// SPDX-License-Identifier: GPL-2.0-or-later
// Options that take one of a few words. Completion offers these, so they stand in one place only.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ploopu::cmd {

CLI::Option* add_choice(CLI::App& command, const std::string& name, std::string& value,
                        const std::string& help, const std::vector<std::string>& words);

// Of an option that was made so; otherwise none.
[[nodiscard]] std::vector<std::string> choices_of(CLI::Option& option);

}  // namespace ploopu::cmd
