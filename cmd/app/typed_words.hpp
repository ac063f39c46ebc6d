// SPDX-License-Identifier: GPL-2.0-or-later
// The words of a command line before the word that is being typed. They decide which completions
// that word has: TypedWords(app, {"mount", "101"}).next_argument() is the option DIR of mount.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace ploopu::cmd {

// An option that takes a value. `value_at` is the offset of the value in the word, or npos if the
// value is the next word.
struct OptionWord {
  CLI::Option* option = nullptr;
  size_t value_at = std::string::npos;
};

// `app` must outlive the object and the options that it returns.
class TypedWords {
 public:
  TypedWords(CLI::App& app, const std::vector<std::string>& words);

  [[nodiscard]] CLI::App& app() const { return app_; }
  [[nodiscard]] CLI::App* verb() const { return verb_; }  // nullptr if no verb was typed yet
  [[nodiscard]] bool is_verb_unknown() const { return is_verb_unknown_; }
  // The option whose value comes next; nullptr when none waits for its value.
  [[nodiscard]] CLI::Option* waiting() const { return waiting_; }
  [[nodiscard]] bool may_be_option(const std::string& word) const {
    return !only_arguments_ && word.starts_with('-');
  }
  [[nodiscard]] bool has_flag(const std::string& name) const { return flags_.contains(name); }

  // The value that was typed for a kind (see kind_of()), such as "DISK" or "IMAGE"; "ROOT" is the
  // value of --root. Empty if none was typed.
  [[nodiscard]] std::string value(const std::string& kind) const;

  // The argument of the verb that comes next; nullptr when it takes no more.
  [[nodiscard]] CLI::Option* next_argument() const;

  // The option in a word such as "--disk", "--disk=1" or "-s5d0c"; no option if it takes no value.
  [[nodiscard]] OptionWord split_option(const std::string& word) const;

  // The options of the verb and the global ones, without those that help hides.
  [[nodiscard]] std::vector<CLI::Option*> options() const;

  // The word that help shows for the value of an option, or the name of an argument: "DISK".
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
