// SPDX-License-Identifier: GPL-2.0-or-later
// What may come next on a command line: the answer to the shells' completion (completions/).
#pragma once

#include <string>
#include <vector>

#include "cmd/cli/context.hpp"

namespace CLI {
class App;
}

namespace ploopu::cmd {

// `arguments` of the hidden verb __complete are "--" and the words behind "ploopu", or
// "--bash", COMP_WORDBREAKS and the command up to the cursor. The last word is being typed.
// Prints a line for each word that it may become, as bash has to insert it or with a tab and a
// description; or ":files" or ":directories" where one of these may stand. Whatever goes wrong, it
// says nothing.
void complete(CLI::App& app, const std::vector<std::string>& arguments, const Context& context);

}  // namespace ploopu::cmd
