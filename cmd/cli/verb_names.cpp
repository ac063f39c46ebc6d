// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cli/verb_names.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ploopu::cmd {
namespace {

// The number of letters that must be added, removed, replaced or swapped with the next to turn `a`
// into `b` (the Damerau-Levenshtein distance, where no place is changed twice).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> steps(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        steps[i][j] = i + j;
        continue;
      }
      const size_t changed = a[i - 1] == b[j - 1] ? 0 : 1;
      steps[i][j] =
          std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1, steps[i - 1][j - 1] + changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        steps[i][j] = std::min(steps[i][j], steps[i - 2][j - 2] + 1);
      }
    }
  }
  return steps[a.size()][b.size()];
}

}  // namespace

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  constexpr size_t kTooFar = 3;
  size_t nearest = std::min(kTooFar, word.size());
  std::string meant;
  for (const auto& candidate : candidates) {
    // The beginning of a candidate is as near as a candidate with one letter wrong.
    const size_t far = candidate.starts_with(word) ? 1 : distance(word, candidate);
    if (far >= nearest) continue;
    nearest = far;
    meant = candidate;
  }
  return meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant);
}

std::string unknown_verb(const CLI::App& app, const std::string& name) {
  // Verbs of losetup, vzctl, ploop and other programs.
  static const std::map<std::string, std::string> kElsewhere = {
      {"ls", "list"}, {"show", "info"}, {"status", "list"}, {"unmap", "detach"}};
  const auto elsewhere = kElsewhere.find(name);
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    names.push_back(verb->get_name());
    for (const auto& alias : verb->get_aliases()) names.push_back(alias);
  }
  return fmt::format("'{}' is not a verb of ploopu{}", name,
                     suggestion(elsewhere == kElsewhere.end() ? name : elsewhere->second, names));
}

CLI::App* find_verb(CLI::App& app, const std::string& name) {
  for (CLI::App* verb : app.get_subcommands(nullptr)) {
    if (verb->check_name(name)) return verb;
  }
  return nullptr;
}

}  // namespace ploopu::cmd
