// SPDX-License-Identifier: GPL-2.0-or-later
// Answers the completion scripts in completions/, which call the hidden verb __complete.
#pragma once

#include <string>
#include <vector>

#include "cmd/cli/context.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

// `arguments` are those of __complete: "--" and the words after "ploopu", or "--bash",
// COMP_WORDBREAKS and the command up to the cursor. The last word is being typed. Prints a line for
// each word that it may become: for bash the text to insert, for other shells the word, a tab and a
// description. A last line ":files" or ":directories" asks the shell to complete paths. Prints
// nothing if anything goes wrong.
void complete(CLI::App& app, const std::vector<std::string>& arguments, const Context& context);

}  // namespace ploopu::cmd
