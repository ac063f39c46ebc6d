// SPDX-License-Identifier: GPL-2.0-or-later
// The input is the record of an attachment. A record that is refused leaves nothing to act on; a
// record that is accepted is written as it was read.
#include "platform/serve/record.hpp"
#include "tests/fuzz/fuzzing.hpp"

namespace ploopu::testing {
namespace {

void try_record(const std::string& text) {
  const Record record = parse_record(text);
  if (!record.is_readable) {
    require(record.image.empty() && record.device.empty() && record.mounts.empty());
    require(record.image_state.files.empty() && record.server.pid == 0 && !record.is_unfinished());
    return;
  }
  const std::string written = record_text(record);
  const Record again = parse_record(written);
  require(again.is_readable && record_text(again) == written);
  require(again.image == record.image && again.mounts.size() == record.mounts.size());
  require(again.image_state == record.image_state && again.scratch == record.scratch);
  require(again.server.pid == record.server.pid);
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ploopu::testing;
  try_record(text_of(data, size));
  return 0;
}
