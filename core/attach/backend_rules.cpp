// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/attach/backend_rules.hpp"

#include <utility>

namespace ploopu {
namespace {

// Lists the back ends that can make a file, for a message: "fuse".
std::string those_with_files() {
  std::string text;
  for (const auto& backend : kBackends) {
    if (!backend.why_no_file.empty()) continue;
    text.append(text.empty() ? "" : " or ").append(backend.name);
  }
  return text;
}

Result<void> refuse(const BackendRules& backend, ErrorKind kind, std::string_view why) {
  return fail(kind, "{}: {}", backend.name, why);
}

}  // namespace

std::vector<std::string> backend_words() {
  std::vector<std::string> words = {"auto"};
  for (const auto& backend : kBackends) words.emplace_back(backend.name);
  return words;
}

std::string any_backend() {
  std::string text = "auto";
  for (const auto& backend : kBackends) {
    text.append(&backend == &kBackends.back() ? " or " : ", ").append(backend.name);
  }
  return text;
}

Result<std::vector<const BackendRules*>> candidate_backends(const AttachRequest& request) {
  std::vector<const BackendRules*> found;
  for (const auto& backend : kBackends) {
    const bool is_named = request.backend == backend.name;
    if (!is_named && request.backend != "auto") continue;
    if (!request.as_file || backend.why_no_file.empty()) {
      found.push_back(&backend);
    } else if (is_named) {
      return fail(ErrorKind::usage, "--no-loop: {} {}, use --backend {}", backend.name,
                  backend.why_no_file, those_with_files());
    }
  }
  if (!found.empty()) return found;
  return fail(ErrorKind::usage, "--backend {}: must be {}", request.backend, any_backend());
}

Result<void> check_backend_fits(const BackendRules& backend, const DiskLayout& layout,
                                const AttachRequest& request) {
  if (request.overlay.wanted && !backend.why_no_overlay.empty()) {
    return refuse(backend, ErrorKind::usage, backend.why_no_overlay);
  }
  if (request.is_strict && !backend.why_no_strict.empty()) {
    return refuse(backend, ErrorKind::usage, backend.why_no_strict);
  }
  if (layout.is_excessive && !backend.why_no_excess.empty()) {
    return refuse(backend, ErrorKind::refused, backend.why_no_excess);
  }
  return {};
}

void PassedOver::add(const BackendRules& backend, Error reason) {
  const std::string prefix = fmt::format("{}: ", backend.name);
  kind_ = reason.kind;
  if (!text_.empty()) text_ += "; ";
  if (!reason.message.starts_with(prefix)) text_ += prefix;
  text_ += reason.message;
}

Error PassedOver::error(size_t tried) const {
  return {kind_, (tried > 1 ? "no back end can be used: " : "") + text_};
}

}  // namespace ploopu
