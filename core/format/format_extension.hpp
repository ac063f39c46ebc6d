// SPDX-License-Identifier: GPL-2.0-or-later
// The format extension of a ploop file: one cluster of features, of which dirty bitmaps are the
// only known ones. It is reported and nothing else: no byte of the disk depends on it. Source:
// docs/FORMAT.md#format-extension, from QEMU's docs/interop/parallels.txt and libploop's cbt.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/format/delta.hpp"

namespace ploopu {

// Which parts of the disk were written to since some backup.
struct DirtyBitmap {
  std::string id;            // a GUID in lower case without braces, as QEMU names the bitmap
  uint64_t size = 0;         // bytes of the disk; equals the delta's disk size
  uint64_t granularity = 0;  // bytes of the disk that a bit stands for
  // Bytes of the disk whose bit is set. Nothing when the bitmap is too long to be counted.
  std::optional<uint64_t> dirty_bytes;
};

enum class ExtensionState {
  none,       // the file has no extension
  valid,      // closed by software that knows extensions, and intact
  stale,      // something that doesn't know extensions has closed the file since
  untrusted,  // the file is open for writing, or its writer crashed
  corrupt,    // said to be valid, but isn't
  unknown,    // needs to be understood and isn't, or there was too much to read
};

// Stable name for JSON output.
[[nodiscard]] const char* state_name(ExtensionState state);

struct FormatExtension {
  ExtensionState state = ExtensionState::none;
  std::string reason;                // unless none or valid: what, without the file's name
  std::vector<DirtyBitmap> bitmaps;  // valid and unknown only
  // Features that this version doesn't know and may ignore.
  std::vector<uint64_t> ignored_features;
  // File clusters that the extension takes, with its bitmaps where they were looked at.
  uint64_t clusters = 0;

  // One line for a warning or an error about the file `name`. Not for none and valid.
  [[nodiscard]] std::string message(const std::string& name) const;
};

template <class Codec>
void fields(Codec& codec, DirtyBitmap& bitmap) {
  codec(bitmap.id, bitmap.size, bitmap.granularity, bitmap.dirty_bytes);
}
template <class Codec>
void fields(Codec& codec, FormatExtension& extension) {
  codec.enumeration(extension.state, ExtensionState::unknown);
  codec(extension.reason, extension.bitmaps, extension.ignored_features, extension.clusters);
}

// Reads the extensions of the deltas of one image. All of them together are worth 128 MiB of
// reading, about half a second of MD5; it uses 1 MiB of memory.
class ExtensionReader {
 public:
  // Never fails: what is wrong is the state of the answer. Nothing in the file is believed.
  [[nodiscard]] FormatExtension read(const Delta& delta);

 private:
  uint64_t bytes_left_ = uint64_t{128} << 20;
};

}  // namespace ploopu
