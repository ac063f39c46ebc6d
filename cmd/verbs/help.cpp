// SPDX-License-Identifier: GPL-2.0-or-later
// ploopu help: opens the manual page of a verb, or prints its help if there is none.
#include <memory>

#include <CLI/CLI.hpp>

#include "cmd/cli/commands.hpp"
#include "cmd/cli/verb_names.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kHelpFooter[] =
    "\nOpens the manual page of the verb with man(1). If standard output is no terminal, or man "
    "or\n"
    "the page is missing, prints the output of 'ploopu VERB --help'.\n"
    "\nExamples:\n"
    "  ploopu help mount\n"
    "  ploopu help         print the output of 'ploopu --help'\n";

Result<void> run_help(const Context& context, CLI::App& app, const std::string& name) {
  if (name.empty()) {
    // app.help() prints the help of the verb that was typed, which is "help" here.
    const auto formatter = app.get_formatter();
    context.out << formatter->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
    return {};
  }
  const CLI::App* verb = find_verb(app, name);
  if (verb == nullptr) {
    return fail(ErrorKind::usage, "{} (see 'ploopu --help')", unknown_verb(app, name));
  }
  if (context.show_page) context.show_page("ploopu-" + verb->get_name());
  context.out << verb->help(app.get_name());
  return {};
}

}  // namespace

void declare_help(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("help", "Open the manual page of a verb");
  command->footer(kHelpFooter);
  auto name = std::make_shared<std::string>();
  command->add_option("VERB", *name, "A verb that 'ploopu --help' lists")->type_name("");
  command->callback([name, &app, &action] {
    action = [name, &app](Context& context) { return run_help(context, app, *name); };
  });
}

}  // namespace ploopu::cmd
