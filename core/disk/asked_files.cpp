// SPDX-License-Identifier: GPL-2.0-or-later
// The requests of AskedFiles, and how LocatedFiles answers them.
#include <utility>

#include "core/confine/answer_codec.hpp"
#include "core/disk/image_files.hpp"

namespace ploopu {
namespace {

enum class RequestKind : uint8_t { parent, listed, backups };

struct Request {
  RequestKind kind = RequestKind::parent;
  std::string path;       // parent, backups
  std::string clone_of;   // parent
  DescriptorImage image;  // listed
  bool is_base = false;
  uint32_t cluster_sectors = 0;
};

template <class Codec>
void fields(Codec& codec, Request& request) {
  codec.enumeration(request.kind, RequestKind::backups);
  codec(request.path, request.clone_of, request.image, request.is_base, request.cluster_sectors);
}

struct ListedAnswer {
  DeltaParts parts;
  std::vector<std::string> warnings;
};

template <class Codec>
void fields(Codec& codec, ListedAnswer& answer) {
  codec(answer.parts, answer.warnings);
}

// Bounds the requests of a process that an attacker took over. A sound image needs far fewer.
constexpr size_t kMaxRequests = 20000;

}  // namespace

Result<DescriptorText> AskedFiles::read_parent(const std::string& path,
                                               const std::string& clone_of) {
  const Request request{RequestKind::parent, path, clone_of, {}, false, 0};
  const auto handed = outside_.ask(encode_answer<Request>(request));
  return decode_answer<DescriptorText>(handed.bytes, path);
}

Result<Delta> AskedFiles::open_listed(const DescriptorImage& image, bool is_base,
                                      uint32_t cluster_sectors,
                                      std::vector<std::string>& warnings) {
  const Request request{RequestKind::listed, "", "", image, is_base, cluster_sectors};
  const auto handed = outside_.ask(encode_answer<Request>(request));
  PLOOPU_TRY(const auto answer, decode_answer<ListedAnswer>(handed.bytes, image.file));
  warnings.insert(warnings.end(), answer.warnings.begin(), answer.warnings.end());
  return Delta::from_parts(handed.file, answer.parts);
}

std::string AskedFiles::backups_of(const std::string& path) {
  const Request request{RequestKind::backups, path, "", {}, false, 0};
  return decode_answer<std::string>(outside_.ask(encode_answer<Request>(request)).bytes, path)
      .value_or("");
}

Handed LocatedFiles::serve(const std::string& bytes, Keep keep) {
  const auto request = decode_answer<Request>(bytes, location_.path);
  if (!request || ++requests_ > kMaxRequests) return {};
  switch (request->kind) {
    case RequestKind::parent:
      return {encode_answer(read_parent(request->path, request->clone_of)), nullptr};
    case RequestKind::backups:
      return {encode_answer<std::string>(backups_of(request->path)), nullptr};
    case RequestKind::listed:
      break;
  }
  ListedAnswer answer;
  const auto delta =
      open_listed(request->image, request->is_base, request->cluster_sectors, answer.warnings);
  if (!delta) return {encode_answer<ListedAnswer>(tl::unexpected<Error>(delta.error())), nullptr};
  answer.parts = delta->parts();
  if (keep == Keep::deltas) opened_.push_back(*delta);
  return {encode_answer<ListedAnswer>(answer), delta->shared_file()};
}

}  // namespace ploopu
