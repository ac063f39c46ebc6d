// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/app/dispatch.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/app/completion.hpp"
#include "cmd/cli/commands.hpp"
#include "cmd/cli/json.hpp"
#include "cmd/cli/verb_names.hpp"
#include "core/base/exit_code.hpp"
#include "core/base/text.hpp"

namespace ploopu::cmd {
namespace {

constexpr char kFooter[] =
    "\nIMAGE is a container ID or name, or a path (anything with a slash) of a root.hdd\n"
    "directory, a DiskDescriptor.xml or an image file. The image is never written to.\n"
    "\nExamples:\n"
    "  ploopu info 101                      what is in container 101's disk\n"
    "  ploopu mount 101 /mnt                see its files\n"
    "  ploopu umount /mnt                   and let go of it again\n"
    "  ploopu --root /old mount 101 /mnt    the same for a dead host's disk, mounted on /old\n"
    "\n'ploopu VERB --help' says more about each verb.\n";

// Ends the help of every verb.
constexpr char kEverywhere[] =
    "\nAnd, before or after any verb: --json, -q, -v, --root DIR (see ploopu --help).\n";

void declare_global_options(CLI::App& app, GlobalOptions& options) {
  app.add_flag("--json", options.json, "Print JSON");
  app.add_flag("-q,--quiet", options.quiet, "No warnings and notes");
  app.add_flag("-v,--verbose", options.verbose, "Say what is done");
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

// CLI11's message does not name a verb that doesn't exist.
std::string explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto rest = app.remaining();
  if (app.get_subcommands().empty() && !rest.empty() && !rest.front().starts_with('-')) {
    return unknown_verb(app, rest.front());
  }
  return error.what();
}

// A full disk under stdout must not look like success.
int finish(const Context& context) {
  if (context.out.flush()) return context.exit_status;
  return report(context, {ErrorKind::failed, "writing to standard output failed"});
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
    return report(context, {ErrorKind::usage, "an argument is empty: is a variable not set?"});
  }
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes the last argument first
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked, context.out, context.err);
    return finish(context);
  } catch (const CLI::ParseError& error) {
    context.options.json = wants_json;
    const auto verbs = app.get_subcommands();
    return report(context,
                  {ErrorKind::usage,
                   fmt::format("{} (ploopu {}--help lists what there is)", explain(app, error),
                               verbs.empty() ? "" : verbs.front()->get_name() + " ")});
  }
  try {
    if (const auto done = run_action(action, context); !done) return report(context, done.error());
  } catch (const std::bad_alloc&) {
    return report(context, {ErrorKind::failed, "this image needs more memory than there is"});
  } catch (const std::exception& error) {  // a library has a bug
    return report(context, {ErrorKind::failed, error.what()});
  }
  return finish(context);
}

}  // namespace ploopu::cmd
