// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/confine/answer_codec.hpp"

namespace ploopu {
namespace {

// A number is written as seven bits a byte, lowest bits first; the high bit is set if more bytes
// follow.
constexpr unsigned kBits = 7;
constexpr uint64_t kMore = uint64_t{1} << kBits;

}  // namespace

void AnswerWriter::write_number(uint64_t value) {
  for (; value >= kMore; value >>= kBits)
    bytes_ += static_cast<char>((value & (kMore - 1)) | kMore);
  bytes_ += static_cast<char>(value);
}

void AnswerWriter::write(const std::string& text) {
  write_number(text.size());
  bytes_ += text;
}

uint64_t AnswerReader::read_number() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes_.empty(); shift += kBits) {
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    const uint64_t part = byte & (kMore - 1);
    if (part << shift >> shift != part) break;  // more than 64 bits
    value |= part << shift;
    if ((byte & kMore) == 0) return value;
  }
  fail();
  return 0;
}

void AnswerReader::read(std::string& text) {
  const uint64_t size = read_number();
  if (size > bytes_.size()) return fail();
  text = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
}

tl::unexpected<Error> unsound_answer(const std::string& what) {
  return fail(ErrorKind::damaged, "{}: the process that parses it sent an invalid reply: refused",
              what);
}

}  // namespace ploopu
