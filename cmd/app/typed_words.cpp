// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/app/typed_words.hpp"

#include <cstdlib>
#include <utility>

#include "cmd/cli/verb_names.hpp"

namespace ploopu::cmd {
namespace {

bool takes_value(const CLI::Option* option) {
  return option != nullptr && option->get_items_expected_max() > 0;
}

}  // namespace

TypedWords::TypedWords(CLI::App& app, const std::vector<std::string>& words) : app_(app) {
  for (const auto& word : words) take(word);
}

std::string TypedWords::value(const std::string& kind) const {
  const auto found = values_.find(kind);
  return found == values_.end() ? "" : found->second;
}

CLI::Option* TypedWords::next_argument() const {
  size_t taken = arguments_;
  for (CLI::Option* option : options()) {
    if (!option->get_positional()) continue;
    const auto count = static_cast<size_t>(option->get_items_expected_max());
    if (taken < count) return option;
    taken -= count;
  }
  return nullptr;
}

OptionWord TypedWords::split_option(const std::string& word) const {
  if (word.starts_with("--")) {
    const size_t equals = word.find('=');
    CLI::Option* option = find_option(word.substr(0, equals));
    if (!takes_value(option)) return {};
    return {option, equals == std::string::npos ? equals : equals + 1};
  }
  for (size_t i = 1; i < word.size(); ++i) {
    CLI::Option* option = find_option({'-', word[i]});
    if (takes_value(option)) return {option, i + 1 < word.size() ? i + 1 : std::string::npos};
  }
  return {};
}

std::vector<CLI::Option*> TypedWords::options() const {
  auto all = app_.get_options({});
  if (verb_ == nullptr) return all;
  const auto own = verb_->get_options({});
  all.insert(all.begin(), own.begin(), own.end());
  std::erase_if(all, [](const CLI::Option* option) { return option->get_group().empty(); });
  return all;
}

std::string TypedWords::kind_of(const CLI::Option& option) {
  return option.get_positional() ? option.get_name(true) : option.get_type_name();
}

CLI::Option* TypedWords::find_option(const std::string& name) const {
  CLI::Option* own = verb_ == nullptr ? nullptr : verb_->get_option_no_throw(name);
  return own == nullptr ? app_.get_option_no_throw(name) : own;
}

// Keeps the value of --root apart from other values of the type DIR.
void TypedWords::keep(const CLI::Option& option, std::string value) {
  const char* home = std::getenv("HOME");
  if (home != nullptr && value.starts_with("~/")) value.replace(0, 1, home);
  values_[option.check_name("--root") ? "ROOT" : kind_of(option)] = std::move(value);
}

void TypedWords::take(const std::string& word) {
  if (waiting_ != nullptr) {
    keep(*std::exchange(waiting_, nullptr), word);
  } else if (!only_arguments_ && word == "--") {
    only_arguments_ = true;
  } else if (may_be_option(word) && word != "-") {
    take_option(word);
  } else if (verb_ == nullptr && !is_verb_unknown_) {
    verb_ = find_verb(app_, word);
    is_verb_unknown_ = verb_ == nullptr;
  } else if (const CLI::Option* argument = next_argument()) {
    keep(*argument, word);
    ++arguments_;
  }
}

void TypedWords::take_option(const std::string& word) {
  const auto [option, value_at] = split_option(word);
  if (option == nullptr) {
    flags_.insert(word);
  } else if (value_at == std::string::npos) {
    waiting_ = option;
  } else {
    keep(*option, word.substr(value_at));
  }
}

}  // namespace ploopu::cmd
