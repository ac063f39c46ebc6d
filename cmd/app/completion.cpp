// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/app/completion.hpp"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>

#include "cmd/app/bash_line.hpp"
#include "cmd/app/typed_words.hpp"
#include "cmd/cli/word_option.hpp"
#include "cmd/verbs/list.hpp"
#include "core/base/text.hpp"
#include "core/disk/snapshots.hpp"
#include "core/find/inventory.hpp"
#include "core/find/locate.hpp"

namespace ploopu::cmd {
namespace {

enum class Paths { none, directories, files };

// The completions of the word that is being typed.
class Answer {
 public:
  explicit Answer(std::string typed) : typed_(std::move(typed)) {}

  // Keeps the next `bytes` of the word as they are; completion begins after them.
  void skip(size_t bytes) { prefix_ += bytes; }

  // The part of the word that is completed.
  [[nodiscard]] std::string value() const { return typed_.substr(prefix_); }
  [[nodiscard]] bool is_empty() const { return words_.empty(); }

  // Ignores a candidate that does not begin with what was typed, and one with bytes that a terminal
  // does not show as they are.
  void add(const std::string& candidate, const std::string& description = "") {
    const std::string word = typed_.substr(0, prefix_) + candidate;
    if (candidate.empty() || !word.starts_with(typed_) || escape_bytes(word) != word) return;
    if (seen_.insert(word).second) words_.emplace_back(word, escape_bytes(description));
  }
  void add_paths(Paths paths) { paths_ = paths; }

  void print(std::ostream& out, const std::optional<BashLine>& bash) const {
    for (const auto& [word, description] : words_) {
      out << (bash ? quote_for_bash(*bash, word) : word);
      if (!bash && !description.empty()) out << '\t' << description;
      out << '\n';
    }
    if (paths_ == Paths::files) out << ":files\n";
    if (paths_ == Paths::directories) out << ":directories\n";
  }

 private:
  std::string typed_;
  size_t prefix_ = 0;
  std::vector<std::pair<std::string, std::string>> words_;  // with their descriptions
  std::set<std::string> seen_;
  Paths paths_ = Paths::none;
};

// The directory of --root, resolved; nothing if it can't be resolved.
std::optional<std::string> root_of(const Context& context, const TypedWords& typed) {
  const std::string given = typed.value("ROOT");
  const auto found = context.files.resolve("/", given.empty() ? context.options.root : given);
  return found ? std::optional(found->path) : std::nullopt;
}

// Sorts numbers by value, before all other IDs.
bool is_before(const std::string& a, const std::string& b) {
  const auto number_a = parse_number(a);
  const auto number_b = parse_number(b);
  if (number_a && number_b) return *number_a < *number_b;
  return number_a.has_value() != number_b.has_value() ? number_a.has_value() : a < b;
}

void add_containers(const Context& context, const TypedWords& typed, Answer& answer) {
  const auto root = root_of(context, typed);
  if (root && answer.value().find('/') == std::string::npos) {
    const auto known = list_known_containers(HostTree(context.files, *root));
    std::map<std::string, std::string> name_of;
    for (const auto& [name, ctid] : known.names) name_of.emplace(ctid, name);
    std::vector<std::string> ctids(known.ctids.begin(), known.ctids.end());
    std::sort(ctids.begin(), ctids.end(), is_before);
    for (const auto& ctid : ctids) answer.add(ctid, name_of[ctid]);
    for (const auto& [name, ctid] : known.names) answer.add(name, ctid);
  }
  if (answer.is_empty()) answer.add_paths(Paths::files);
}

void add_attached(const Context& context, const TypedWords& /*typed*/, Answer& answer) {
  const auto attachments = context.attachments.list();
  if (attachments) {
    for (const auto& attachment : *attachments) {
      answer.add(attachment.device, attachment.image);
      for (const auto& mountpoint : attachment.mountpoints) {
        answer.add(mountpoint, attachment.image);
      }
      for (const auto& partition : attachment.partitions) {
        answer.add(partition.device, attachment.image);
      }
      if (attachment.ctid) answer.add(*attachment.ctid, attachment.device);
    }
  }
  if (answer.is_empty()) answer.add_paths(Paths::files);
}

// The location of the IMAGE that was typed already; nothing if there is none or it isn't found.
std::optional<ImageLocation> locate_typed(const Context& context, const TypedWords& typed,
                                          const std::string& disk) {
  const auto root = root_of(context, typed);
  const std::string image = typed.value("IMAGE");
  if (!root || image.empty()) return std::nullopt;
  auto location = locate_image(HostTree(context.files, *root), image, disk);
  if (!location) return std::nullopt;
  location->allow_outside = typed.has_flag("--allow-outside");
  return *std::move(location);
}

// Offers GUIDs without braces, which every shell has to quote, unless a brace was typed.
void add_snapshots(const Context& context, const TypedWords& typed, Answer& answer) {
  answer.add("top", "the live state");
  answer.add("base", "the oldest one");
  const auto location = locate_typed(context, typed, typed.value("DISK"));
  if (!location) return;
  const auto root = root_of(context, typed);
  const auto found = read_snapshots(HostTree(context.files, root.value_or("/")), *location);
  if (!found) return;
  for (const auto& snapshot : found->snapshots) {
    const std::string& guid = snapshot.guid;
    const std::string said =
        snapshot.is_live ? "the live state" : snapshot.name.date + "  " + snapshot.name.name;
    const bool with_braces = answer.value().starts_with('{');
    answer.add(with_braces ? guid : guid.substr(1, guid.size() - 2), std::string(trim(said)));
  }
}

void add_disks(const Context& context, const TypedWords& typed, Answer& answer) {
  answer.add("root", "root.hdd");
  const auto location = locate_typed(context, typed, "");
  if (!location) return;
  for (size_t i = 0; i < location->disks.size(); ++i) {
    answer.add(std::to_string(i + 1), location->disks[i].image);
  }
}

void add_column(const Context& /*context*/, const TypedWords& typed, Answer& answer) {
  std::istringstream columns(list_columns(typed.has_flag("--all")));
  for (std::string column; columns >> column;) answer.add(column);
}

void add_columns(const Context& context, const TypedWords& typed, Answer& answer) {
  answer.skip(answer.value().rfind(',') + 1);  // the last one of several
  add_column(context, typed, answer);
}

void add_directories(const Context& /*context*/, const TypedWords& /*typed*/, Answer& answer) {
  answer.add_paths(Paths::directories);
}

void add_files(const Context& /*context*/, const TypedWords& /*typed*/, Answer& answer) {
  answer.add_paths(Paths::files);
}

void add_verbs(const Context& /*context*/, const TypedWords& typed, Answer& answer) {
  for (const CLI::App* verb : typed.app().get_subcommands(nullptr)) {
    answer.add(verb->get_name(), verb->get_description());
    for (const auto& alias : verb->get_aliases()) answer.add(alias, "same as " + verb->get_name());
  }
}

void add_options(const TypedWords& typed, Answer& answer) {
  for (const CLI::Option* option : typed.options()) {
    for (const auto& name : option->get_lnames())
      answer.add("--" + name, option->get_description());
    for (const auto& name : option->get_snames()) answer.add("-" + name, option->get_description());
  }
}

void add_values(const Context& context, const TypedWords& typed, CLI::Option& option,
                Answer& answer) {
  using Add = void (*)(const Context&, const TypedWords&, Answer&);
  static const std::map<std::string, Add> kByKind = {
      {"COL", add_column},       {"COLS", add_columns},    {"DIR", add_directories},
      {"DISK", add_disks},       {"FILE", add_files},      {"GUID", add_snapshots},
      {"IMAGE", add_containers}, {"TARGET", add_attached}, {"VERB", add_verbs}};
  for (const auto& word : choices_of(option)) answer.add(word);
  const auto found = kByKind.find(TypedWords::kind_of(option));
  if (found != kByKind.end()) found->second(context, typed, answer);
}

Answer answer_to(CLI::App& app, std::vector<std::string> words, const Context& context) {
  const std::string word = words.back();
  words.pop_back();
  const TypedWords typed(app, words);
  Answer answer(word);
  if (CLI::Option* option = typed.waiting()) {
    add_values(context, typed, *option, answer);
  } else if (typed.may_be_option(word)) {
    const auto [attached, value_at] = typed.split_option(word);
    if (value_at == std::string::npos) {
      add_options(typed, answer);
    } else {
      answer.skip(value_at);
      add_values(context, typed, *attached, answer);
    }
  } else if (typed.is_verb_unknown()) {
    return answer;
  } else if (typed.verb() == nullptr) {
    add_verbs(context, typed, answer);
  } else if (CLI::Option* argument = typed.next_argument()) {
    add_values(context, typed, *argument, answer);
  }
  return answer;
}

}  // namespace

void complete(CLI::App& app, const std::vector<std::string>& arguments, const Context& context) {
  try {
    std::optional<BashLine> bash;
    std::vector<std::string> words = arguments;
    if (arguments.size() == 3 && arguments.front() == "--bash") {
      bash = split_bash_line(arguments[2], arguments[1]);
      words = bash->words;
    }
    if (words.size() < 2) return;
    words.erase(words.begin());  // drops "--" or "ploopu"
    answer_to(app, std::move(words), context).print(context.out, bash);
  } catch (const std::exception&) {
    return;  // a message would appear in the middle of the user's command line
  }
}

}  // namespace ploopu::cmd
