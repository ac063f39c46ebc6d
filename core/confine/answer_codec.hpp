// SPDX-License-Identifier: GPL-2.0-or-later
// Encodes the answers of confined work as bytes, which pass from one process of this program to
// another. encode_answer() and decode_answer() take any type that has a function template `fields`:
//
//     template <class Codec>
//     void fields(Codec& codec, DescriptorShot& shot) {
//       codec(shot.guid, shot.parent);
//     }
//
// Numbers, booleans, strings, and arrays, vectors and optionals of such types need no `fields`. A
// process that was taken over may have written the bytes: a number that a reader returns may be
// anything that its type can hold.
//
//     const std::string bytes = encode_answer<DescriptorShot>(result);  // in confined work
//     const auto result = decode_answer<DescriptorShot>(bytes, path);   // outside of it
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
    fields(*this, const_cast<T&>(value));  // the writer only reads it
  }

  std::string bytes_;
};

// Reads values in the order in which they were written. After bytes that no writer writes, all
// further values are empty or 0, and is_sound() is false.
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

  // Whether all values were found, and no bytes are left over. Call it after the last value.
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
  // Each item takes at least a byte of the answer, so the size of the answer bounds the items,
  // whatever the count says.
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

  std::string_view bytes_;  // bytes that are not read yet
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

// The error for an answer that can't be decoded. `what` is the file that the answer is about.
[[nodiscard]] tl::unexpected<Error> unsound_answer(const std::string& what);

// Returns the value or the error that encode_answer() was given, or unsound_answer(what).
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
