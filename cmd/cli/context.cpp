// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/cli/context.hpp"

#include "core/base/text.hpp"

namespace ploopu::cmd {

void Context::warn(const std::vector<std::string>& warnings) const {
  if (options.quiet || options.json) return;
  for (const auto& text : warnings) err << "ploopu: warning: " << escape_bytes(text) << '\n';
}

void Context::note(const std::vector<std::string>& notes) const {
  if (options.quiet || options.json) return;
  for (const auto& text : notes) err << "ploopu: " << escape_bytes(text) << '\n';
}

void Context::tell(const std::string& text) const {
  if (options.verbose) note({text});
}

}  // namespace ploopu::cmd
