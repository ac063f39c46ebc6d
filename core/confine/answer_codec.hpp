// SPDX-License-Identifier: GPL-2.0-or-later
// The answers of confined work as bytes that pass from one process of this program to another. A
// type can be part of an answer when a function template `fields` stands beside it:
//
//     template <class Codec>
//     void fields(Codec& codec, DescriptorShot& shot) {
//       codec(shot.guid, shot.parent);
//     }
//
// Numbers, booleans, strings, and arrays, vectors and optionals of such types need none. Nothing
// that a reader returns is believed: a number may be anything that its type can hold.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.hpp"

namespace ploopu {

template <class Codec>
void fields(Codec& codec, Error& error) {
  codec.enumeration(error.kind, ErrorKind::not_permitted);
  codec(error.message);
}

class AnswerWriter {
 public:
  template <class... T>
  void operator()(const T&... values) {
    (write(values), ...);
  }
  // `last` is the greatest value of the enumeration.
  template <class Enumeration>
  void enumeration(Enumeration value, Enumeration /*last*/) {
    write_number(static_cast<uint64_t>(value));
  }

  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  void write_number(uint64_t value);
  void write(const std::string& text);
  template <std::integral Number>
  void write(const Number& value) {
    write_number(static_cast<uint64_t>(value));
  }
  template <class T>
  void write(const std::vector<T>& list) {
    write_number(list.size());
    for (const auto& item : list) write(item);
  }
  template <class T>
  void write(const std::optional<T>& value) {
    write(value.has_value());
    if (value) write(*value);
  }
  template <class T>
  void write(const T& value) {
    fields(*this, const_cast<T&>(value));  // only read
  }

  std::string bytes_;
};

// After anything that no writer has written, all further values are empty or 0.
class AnswerReader {
 public:
  // `bytes` outlive the reader.
  explicit AnswerReader(std::string_view bytes) : bytes_(bytes) {}

  template <class... T>
  void operator()(T&... values) {
    (read(values), ...);
  }
  template <class Enumeration>
  void enumeration(Enumeration& value, Enumeration last) {
    const uint64_t number = read_number();
    if (number > static_cast<uint64_t>(last)) return fail();
    value = static_cast<Enumeration>(number);
  }

  // True when everything was there, and nothing is left over.
  [[nodiscard]] bool is_sound() const { return is_sound_ && bytes_.empty(); }

 private:
  void fail() {
    is_sound_ = false;
    bytes_ = {};
  }
  [[nodiscard]] uint64_t read_number();
  void read(std::string& text);
  void read(bool& value) {
    const uint64_t number = read_number();
    if (number > 1) return fail();
    value = number == 1;
  }
  template <std::integral Number>
  void read(Number& value) {
    const uint64_t number = read_number();
    const auto narrow = static_cast<Number>(number);
    if (static_cast<uint64_t>(narrow) != number) return fail();
    value = narrow;
  }
  // Each item takes a byte at least, so that no count makes this take more memory than the answer.
  template <class T>
  void read(std::vector<T>& list) {
    for (uint64_t left = read_number(); left > 0 && is_sound_; --left) {
      if (left > bytes_.size()) return fail();
      read(list.emplace_back());
    }
  }
  template <class T>
  void read(std::optional<T>& value) {
    bool has_value = false;
    read(has_value);
    if (has_value) read(value.emplace());
  }
  template <class T>
  void read(T& value) {
    fields(*this, value);
  }

  std::string_view bytes_;  // what is left
  bool is_sound_ = true;
};

template <class T>
[[nodiscard]] std::string encode_answer(const Result<T>& result) {
  AnswerWriter writer;
  writer(result.has_value());
  if (result) {
    writer(*result);
  } else {
    writer(result.error());
  }
  return writer.take();
}

// The error of an answer that is none. `what` is the file that the answer is about.
[[nodiscard]] tl::unexpected<Error> unsound_answer(const std::string& what);

template <class T>
[[nodiscard]] Result<T> decode_answer(std::string_view bytes, const std::string& what) {
  AnswerReader reader(bytes);
  bool has_value = false;
  reader(has_value);
  T value{};
  Error error;
  if (has_value) {
    reader(value);
  } else {
    reader(error);
  }
  if (!reader.is_sound()) return unsound_answer(what);
  if (!has_value) return tl::unexpected<Error>(std::move(error));
  return value;
}

}  // namespace ploopu
