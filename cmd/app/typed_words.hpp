// SPDX-License-Identifier: GPL-2.0-or-later
// The words of a command line before the one being typed, as far as they say what that may become.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace ploopu::cmd {

// An option that takes a value, and where in its word that begins, if it doesn't follow.
struct OptionWord {
  CLI::Option* option = nullptr;
  size_t value_at = std::string::npos;
};

// `app` and its options must outlive an object of this class, and what it returns.
class TypedWords {
 public:
  TypedWords(CLI::App& app, const std::vector<std::string>& words);

  [[nodiscard]] CLI::App& app() const { return app_; }
  [[nodiscard]] CLI::App* verb() const { return verb_; }  // nullptr before it
  [[nodiscard]] bool is_verb_unknown() const { return is_verb_unknown_; }
  // The option whose value comes next; nullptr when none waits for its value.
  [[nodiscard]] CLI::Option* waiting() const { return waiting_; }
  [[nodiscard]] bool may_be_option(const std::string& word) const {
    return !only_arguments_ && word.starts_with('-');
  }
  [[nodiscard]] bool has_flag(const std::string& name) const { return flags_.contains(name); }

  // The value of an option, found by the option's type as help shows it, or of an argument by the
  // argument's name: "DISK", "IMAGE"; "ROOT" is that of --root. Empty when it wasn't typed.
  [[nodiscard]] std::string value(const std::string& kind) const;

  // The argument that comes next; nullptr when there is none.
  [[nodiscard]] CLI::Option* next_argument() const;

  [[nodiscard]] OptionWord split_option(const std::string& word) const;

  // The verb's options, and those that may stand everywhere, but for what help doesn't show.
  [[nodiscard]] std::vector<CLI::Option*> options() const;

  // "DISK", "IMAGE", "DIR": the words of help say what a value is.
  [[nodiscard]] static std::string kind_of(const CLI::Option& option);

 private:
  [[nodiscard]] CLI::Option* find_option(const std::string& name) const;
  void keep(const CLI::Option& option, std::string value);
  void take(const std::string& word);
  void take_option(const std::string& word);

  CLI::App& app_;
  CLI::App* verb_ = nullptr;
  bool is_verb_unknown_ = false;
  bool only_arguments_ = false;     // "--" was among the words
  CLI::Option* waiting_ = nullptr;  // its value comes next
  size_t arguments_ = 0;
  std::map<std::string, std::string> values_;
  std::set<std::string> flags_;
};

}  // namespace ploopu::cmd
