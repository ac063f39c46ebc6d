// SPDX-License-Identifier: GPL-2.0-or-later
// Parts that all fuzz targets share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "tests/support/memory_file.hpp"

namespace ploopu::testing {

// Ends the target if a condition that must hold for every input is false. The fuzzer then keeps the
// input.
inline void require(bool condition) {
  if (!condition) std::abort();
}

inline std::string text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Hands out the bytes of the input from its start, and zeros after its end.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(data, size) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  uint16_t number() {
    const uint32_t low = byte();
    return static_cast<uint16_t>(low | static_cast<uint32_t>(byte()) << 8);
  }
  // Returns the text before the next newline, and drops the newline.
  std::string line() {
    std::string text;
    while (!empty()) {
      const char c = static_cast<char>(byte());
      if (c == '\n') break;
      text += c;
    }
    return text;
  }
  [[nodiscard]] std::string text() const { return text_of(rest_.data(), rest_.size()); }
  [[nodiscard]] Bytes bytes() const {
    const auto all = std::as_bytes(rest_);
    return {all.begin(), all.end()};
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace ploopu::testing
