// SPDX-License-Identifier: GPL-2.0-or-later
// Options that take one of a few words, which completion offers:
//     add_choice(command, "--only", only, "Only extents of one state", {"data", "zero", "error"});
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ploopu::cmd {

// Adds the option `name` to `command`, which owns it. `value` must outlive `command`.
CLI::Option* add_choice(CLI::App& command, const std::string& name, std::string& value,
                        const std::string& help, const std::vector<std::string>& words);

// The words of an option that add_choice() added; empty for other options.
[[nodiscard]] std::vector<std::string> choices_of(CLI::Option& option);

}  // namespace ploopu::cmd
