// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cli/word_option.hpp"

#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ploopu::cmd {

// CLI11 does not return the words of a check, but it returns the check's name: that holds them.
CLI::Option* add_choice(CLI::App& command, const std::string& name, std::string& value,
                        const std::string& help, const std::vector<std::string>& words) {
  CLI::Validator check = CLI::IsMember(words);
  check.description("").name(fmt::format("{}", fmt::join(words, " ")));
  return command.add_option(name, value, help)->check(check);
}

std::vector<std::string> choices_of(CLI::Option& option) {
  std::vector<std::string> words;
  try {
    std::istringstream name(option.get_validator(0)->get_name());
    for (std::string word; name >> word;) words.push_back(word);
  } catch (const CLI::OptionNotFound&) {
    return {};  // the option takes any value
  }
  return words;
}

}  // namespace ploopu::cmd
