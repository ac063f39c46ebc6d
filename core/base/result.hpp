// SPDX-License-Identifier: GPL-2.0-or-later
// Errors are values. An Error has a kind, which alone decides the exit code (exit_code.hpp), and a
// message of one line: the place, the fault and the next step.
//
//     Result<Header> read(...) {
//       PLOOPU_TRY(const auto bytes, read_bytes(...));  // returns the error if there is one
//       if (!is_sound(bytes)) return fail(ErrorKind::damaged, "{}: no header", name);
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <tl/expected.hpp>

namespace ploopu {

enum class ErrorKind {
  failed,               // the system refused a request, and no other kind fits
  usage,                // the command line has no meaning
  damaged,              // image, descriptor or configuration is damaged, or looks hostile
  refused,              // the request needs an option that allows it, or another program
  not_found,            // no such image, container, partition or attachment
  missing_kernel_part,  // this kernel lacks what the command needs
  busy,                 // in use by something else
  not_permitted,        // privilege or permission is missing
};

struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

// Makes the error "WHAT: strerror" with the kind that fits the errno value.
[[nodiscard]] tl::unexpected<Error> fail_errno(int error, std::string_view what);

}  // namespace ploopu

// NOLINTBEGIN(cppcoreguidelines-macro-usage, bugprone-macro-parentheses)
#define PLOOPU_CONCAT_(a, b) a##b
#define PLOOPU_CONCAT(a, b) PLOOPU_CONCAT_(a, b)
#define PLOOPU_TRY_(temporary, declaration, expression)                               \
  auto temporary = (expression);                                                      \
  if (!temporary) return tl::unexpected<ploopu::Error>(std::move(temporary).error()); \
  declaration = *std::move(temporary)

// PLOOPU_TRY(auto header, parse_header(bytes)): declares `header`, or returns the error.
#define PLOOPU_TRY(declaration, expression) \
  PLOOPU_TRY_(PLOOPU_CONCAT(result_, __LINE__), declaration, expression)

#define PLOOPU_CHECK_(temporary, expression)     \
  if (auto temporary = (expression); !temporary) \
  return tl::unexpected<ploopu::Error>(std::move(temporary).error())

// PLOOPU_CHECK(save(record)): returns the error of a Result whose value isn't needed.
#define PLOOPU_CHECK(expression) PLOOPU_CHECK_(PLOOPU_CONCAT(result_, __LINE__), expression)
// NOLINTEND(cppcoreguidelines-macro-usage, bugprone-macro-parentheses)
