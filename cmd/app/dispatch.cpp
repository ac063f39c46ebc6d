// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/app/dispatch.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/app/completion.hpp"
#include "cmd/app/typed_words.hpp"
#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/cli/verb_names.hpp"
#include "core/base/exit_code.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kFooter[] =
    "\nIMAGE is a container ID or name, or the path of a private area, a root.hdd directory, a\n"
    "DiskDescriptor.xml or an image file. A path must contain a slash. ploopu never writes to an "
    "image.\n"
    "\nExamples:\n"
    "  ploopu info 101                      show the format and partitions of container 101\n"
    "  ploopu mount 101 /mnt                mount its file system\n"
    "  ploopu umount /mnt                   unmount it and free the device\n"
    "  ploopu --root /old mount 101 /mnt    mount a container of a dead host, whose disk is on "
    "/old\n"
    "\n'ploopu VERB --help' describes a verb; 'ploopu help VERB' opens its manual page.\n";

// Ends the help of every verb.
constexpr char kEverywhere[] =
    "\nAll verbs also take --json, -q, -v and --root DIR (see ploopu --help).\n";

void declare_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_flag("--json", options.json, "Print JSON");
  app.add_flag("-q,--quiet", options.quiet, "Print no warnings, notes and reports of mounts");
  app.add_flag("-v,--verbose", options.verbose, "Print what is done");
  app.add_option("--root", options.root, "Look for /etc/vz and /vz under DIR")
      ->type_name("DIR")
      ->check(CLI::Validator(CLI::ExistingDirectory).description(""));
}

int report(const Context& context, const Error& error) {
  if (context.options.json) {
    context.err << error_json(error).dump() << '\n';
  } else {
    context.err << "ploopu: " << escape_bytes(error.message) << '\n';
  }
  return exit_code(error.kind);
}

std::string unknown_option(const std::vector<CLI::Option*>& options, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  const std::string name = word.substr(0, word.find('='));
  return fmt::format("unknown option '{}'{}", name,
                     name.starts_with("--") ? suggestion(name, names) : "");
}

// CLI11's own messages name neither an unknown verb nor an unknown option.
std::string explain(CLI::App& app, const std::vector<std::string>& words,
                    const CLI::ParseError& error) {
  const auto options = TypedWords(app, words).options();
  for (const auto& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!word.starts_with("--") || name == word) continue;
    for (const CLI::Option* option : options) {
      const bool is_flag = option->get_items_expected_max() == 0;
      if (is_flag && option->check_name(name)) return name + " takes no value";
    }
  }
  const auto rest = app.remaining(true);
  const bool has_verb = !app.get_subcommands().empty();
  if (!has_verb && !rest.empty() && !rest.front().starts_with('-')) {
    return unknown_verb(app, rest.front());
  }
  const auto option = std::find_if(rest.begin(), rest.end(), [](const std::string& word) {
    return word.size() > 1 && word.starts_with('-') && word != "--";
  });
  if (option != rest.end()) return unknown_option(options, *option);
  if (!rest.empty()) return fmt::format("unexpected argument '{}'", rest.front());
  return has_verb ? error.what() : "no verb is given";
}

// A full disk under stdout must not look like success.
int finish(const Context& context) {
  if (context.out.flush()) return context.exit_status;
  return report(context, {ErrorKind::failed, "cannot write to standard output"});
}

// Resolves --root first: attachments are compared by the real path of their root.
Result<void> run_action(const Action& action, Context& context) {
  PLOOPU_TRY(const auto root, context.files.resolve("/", context.options.root));
  context.options.root = root.path;
  const HostTree tree(context.files, root.path);
  context.tree = &tree;
  return action(context);
}

}  // namespace

int run(std::vector<std::string> arguments, Context& context) {
  CLI::App app("Read ploop disks of OpenVZ and Virtuozzo containers on any Linux", "ploopu");
  app.footer(kFooter);
  app.set_version_flag("-V,--version", "ploopu " PLOOPU_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // subcommands inherit it: global options may also follow the verb
  declare_global_options(app, context.options);
  Action action;
#define PLOOPU_RUN_DECLARATION(verb) declare_##verb(app, action);
  PLOOPU_VERBS(PLOOPU_RUN_DECLARATION)
#undef PLOOPU_RUN_DECLARATION
  for (CLI::App* command : app.get_subcommands(nullptr)) {
    command->footer(kEverywhere + command->get_footer());
  }

  if (!arguments.empty() && arguments.front() == "__complete") {
    complete(app, {arguments.begin() + 1, arguments.end()}, context);
    return 0;
  }
  if (!arguments.empty() && context.run_extension && !arguments.front().starts_with('-') &&
      find_verb(app, arguments.front()) == nullptr) {
    const auto none =
        context.run_extension(arguments.front(), {arguments.begin() + 1, arguments.end()});
    if (!none) return report(context, none.error());
  }
  // Found without CLI11, so that its own errors are printed as JSON as well.
  const bool wants_json =
      std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  // With an unset variable, `-s "$SNAPSHOT"` must not silently mean the live state.
  const bool has_empty = std::any_of(arguments.begin(), arguments.end(), [](const auto& argument) {
    return argument.empty() || (argument.starts_with("--") && argument.ends_with('='));
  });
  if (has_empty) {
    context.options.json = wants_json;
    return report(context, {ErrorKind::usage, "an argument is empty: is a shell variable unset?"});
  }
  try {
    app.parse(
        std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // CLI11 wants them so
  } catch (const CLI::Success& asked) {                                   // --help, --version
    app.exit(asked, context.out, context.err);
    return finish(context);
  } catch (const CLI::ParseError& error) {
    context.options.json = wants_json;
    const auto verbs = app.get_subcommands();
    return report(
        context,
        {ErrorKind::usage, fmt::format("{} (see 'ploopu {}--help')", explain(app, arguments, error),
                                       verbs.empty() ? "" : verbs.front()->get_name() + " ")});
  }
  try {
    if (const auto done = run_action(action, context); !done) return report(context, done.error());
  } catch (const std::bad_alloc&) {
    return report(context, {ErrorKind::failed, "out of memory: this image needs too much"});
  } catch (const std::exception& error) {  // a library has a bug
    return report(context, {ErrorKind::failed, error.what()});
  }
  return finish(context);
}

}  // namespace ploopu::cmd
