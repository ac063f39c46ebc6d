// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/confine/answer_codec.hpp"

#include <random>

#include <gtest/gtest.h>

#include "core/volume/partitions.hpp"

namespace ploopu::testing {
namespace {

struct Everything {
  uint64_t large = 0;
  uint32_t small = 0;
  int64_t negative = 0;
  bool flag = false;
  std::string text;
  std::optional<uint64_t> maybe;
  std::vector<std::string> texts;
  std::vector<Partition> partitions;
};

template <class Codec>
void fields(Codec& codec, Everything& all) {
  codec(all.large, all.small, all.negative, all.flag, all.text, all.maybe, all.texts,
        all.partitions);
}

Everything example() {
  Everything all;
  all.large = UINT64_MAX;
  all.small = UINT32_MAX;
  all.negative = INT64_MIN;
  all.flag = true;
  all.text = std::string("\0\xff text", 7);
  all.maybe = 127;
  all.texts = {"", "one", std::string(300, 'x')};
  all.partitions.resize(2);
  all.partitions[1].fstype = "ext4";
  return all;
}

TEST(AnswerCodec, ValuesComeBack) {
  const auto back = decode_answer<Everything>(encode_answer<Everything>(example()), "it");
  ASSERT_TRUE(back) << back.error().message;
  const Everything all = example();
  EXPECT_EQ(back->large, all.large);
  EXPECT_EQ(back->small, all.small);
  EXPECT_EQ(back->negative, all.negative);
  EXPECT_EQ(back->flag, all.flag);
  EXPECT_EQ(back->text, all.text);
  EXPECT_EQ(back->maybe, all.maybe);
  EXPECT_EQ(back->texts, all.texts);
  ASSERT_EQ(back->partitions.size(), 2U);
  EXPECT_EQ(back->partitions[1].fstype, "ext4");
}

TEST(AnswerCodec, ErrorsComeBack) {
  const Result<Everything> error = fail(ErrorKind::not_permitted, "no");
  const auto back = decode_answer<Everything>(encode_answer(error), "it");
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().kind, ErrorKind::not_permitted);
  EXPECT_EQ(back.error().message, "no");
}

TEST(AnswerCodec, OtherBytesAreRefused) {
  const std::string good = encode_answer<Everything>(example());
  for (size_t length = 0; length < good.size(); ++length) {
    const auto cut = decode_answer<Everything>(good.substr(0, length), "it");
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().kind, ErrorKind::damaged);
  }
  EXPECT_FALSE(decode_answer<Everything>(good + '\0', "it")) << "a byte is left over";
  const std::string bad_kind("\0\x63\0", 3);
  EXPECT_EQ(decode_answer<Everything>(bad_kind, "it").error().kind, ErrorKind::damaged);
  const std::string bad_flag("\2", 1);
  EXPECT_FALSE(decode_answer<Everything>(bad_flag, "it"));
}

// A count that promises more items than there are bytes, and numbers of any length.
TEST(AnswerCodec, AnyBytesAreReadWithoutHarm) {
  std::mt19937 random(1);  // NOLINT(*-msc51-cpp): the same each time
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = encode_answer<Everything>(example());
    bytes.resize(1 + random() % bytes.size());
    for (unsigned change = random() % 4; change > 0; --change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    static_cast<void>(decode_answer<Everything>(bytes, "it"));
  }
  const std::string huge = std::string(1, 1) + std::string(9, '\xff') + '\1';
  EXPECT_FALSE(decode_answer<std::vector<std::string>>(huge, "it"));
  const std::string largest = std::string(1, 1) + std::string(9, '\xff') + '\1';
  const std::string larger = std::string(1, 1) + std::string(9, '\xff') + '\3';
  EXPECT_EQ(decode_answer<uint64_t>(largest, "it").value_or(0), UINT64_MAX);
  EXPECT_FALSE(decode_answer<uint64_t>(larger, "it")) << "65 bits";
}

}  // namespace
}  // namespace ploopu::testing
