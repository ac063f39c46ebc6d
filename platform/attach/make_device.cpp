// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/attach/make_device.hpp"

#include <new>
#include <utility>

#include "core/attach/backend_rules.hpp"
#include "core/base/list.hpp"
#include "platform/attach/backends.hpp"
#include "platform/attach/host_overlay.hpp"
#include "platform/attach/host_survey.hpp"
#include "platform/os/interruption.hpp"

namespace ploopu {
namespace {

// Fails if the host lacks something that the back end needs, with the reason that doctor prints.
Result<void> survey_backend(const BackendRules& rules, const AttachRequest& request) {
  const BackendReport report =
      host_backend(rules.name).survey(HostFacts(this_host()), request.as_file);
  if (report.usable) return {};
  return fail(ErrorKind::missing_kernel_part, "{}", report.reason);
}

Result<void> prepare(const Backend& backend, const BackendRules& rules,
                     const AttachRequest& request) {
  auto prepared = backend.prepare(request.as_file);
  const bool is_missing = !prepared && prepared.error().kind == ErrorKind::missing_kernel_part;
  if (is_missing) PLOOPU_CHECK(survey_backend(rules, request));
  return prepared;
}

Record record_of(const Image& image, const ServedDisk& disk, const AttachRequest& request) {
  Record record;
  record.id = random_id();
  record.name = request.name;
  record.image = image.location.path;
  record.newest_delta = image.disk.deltas().back().name();
  record.image_state = state_of(image.disk);
  record.ctid = image.location.ctid;
  record.snapshot = image.snapshot;
  record.root = request.root;
  record.is_file = request.as_file;
  record.is_strict = request.is_strict;
  record.has_overlay = disk.is_writable();
  record.overlay_file = request.overlay.file;
  record.is_users_overlay = disk.is_writable() && !request.overlay.for_mount;
  if (disk.is_writable()) record.scratch = disk.overlay->scratch().identity();
  return record;
}

// Saves a record without a device first, and the finished record only after everything was made;
// then it tells the server, if there is one, to stay. If the command is killed in between, the
// server and the next command remove everything.
Result<Record> start(AttachmentRegistry& registry, const Backend& backend, Record record,
                     const ServedDisk& disk, const DiskLayout& layout,
                     std::vector<std::string>& notes) {
  PLOOPU_TRY(const auto lock, registry.lock());
  record.backend = backend.name();
  const auto started = [&]() -> Result<void> {
    PLOOPU_CHECK(registry.runtime().save(record));
    PLOOPU_CHECK(check_not_interrupted());
    PLOOPU_TRY(auto server, backend.serve(disk, layout, record, lock->get()));
    if (server) record.server = server->identity();
    record.servers = {record.server};
    PLOOPU_CHECK(check_not_interrupted());
    if (!record.is_file) {
      PLOOPU_TRY(record.partitions, backend.provide_partitions(record, layout, notes));
    }
    PLOOPU_CHECK(registry.runtime().save(record));
    PLOOPU_CHECK(check_not_interrupted());
    return server ? server->keep() : Result<void>();
  }();
  if (started) return record;
  static_cast<void>(backend.release(record));
  if (backend.find_device(record, BlockSnapshot()).empty()) registry.runtime().remove(record.id);
  return tl::unexpected<Error>(started.error());
}

void note_passed_over(const PassedOver& passed_over, std::string_view used,
                      std::vector<std::string>& notes) {
  if (passed_over.empty()) return;
  notes.push_back(fmt::format("{}: using {} instead", passed_over.text(), used));
}

}  // namespace

ServiceState& make_service_state(const SharedMemory& memory, bool is_strict) {
  auto& state = *new (memory.bytes().data()) ServiceState;
  state.is_strict = is_strict;
  return state;
}

Result<Record> make_device(AttachmentRegistry& registry, const Image& image,
                           const DiskLayout& layout, const AttachRequest& request,
                           std::vector<std::string>& notes) {
  PLOOPU_TRY(const auto candidates, candidate_backends(request));
  // The overlay comes first: a server is a fork of this process and inherits it.
  std::unique_ptr<HostOverlay> overlay;
  if (request.overlay.wanted) {
    PLOOPU_TRY(overlay, HostOverlay::make(image, request.overlay));
  }
  PLOOPU_TRY(const auto memory, SharedMemory::create(sizeof(ServiceState)));
  const ServedDisk disk(image.disk, overlay ? &overlay->overlay() : nullptr,
                        &make_service_state(memory, request.is_strict));
  PassedOver passed_over;
  for (const BackendRules* rules : candidates) {
    std::vector<std::string> more;
    auto record = [&]() -> Result<Record> {
      const Backend& backend = *registry.backend_named(rules->name);
      PLOOPU_CHECK(check_backend_fits(*rules, layout, request));
      PLOOPU_CHECK(prepare(backend, *rules, request));
      return start(registry, backend, record_of(image, disk, request), disk, layout, more);
    }();
    if (record) {
      note_passed_over(passed_over, rules->name, notes);
      append(notes, std::move(more));
      if (overlay) append(notes, overlay->warnings());
      return record;
    }
    if (auto going_on = check_not_interrupted(); !going_on) {
      if (overlay) overlay->undo();
      return tl::unexpected<Error>(std::move(going_on).error());
    }
    passed_over.add(*rules, std::move(record).error());
  }
  if (overlay) overlay->undo();
  return tl::unexpected<Error>(passed_over.error(candidates.size()));
}

Result<std::string> plan_device(const Image& image, const DiskLayout& layout,
                                const AttachRequest& request, std::vector<std::string>& notes) {
  PLOOPU_TRY(const auto candidates, candidate_backends(request));
  if (request.overlay.wanted) PLOOPU_CHECK(HostOverlay::check(image, request.overlay));
  PassedOver passed_over;
  for (const BackendRules* rules : candidates) {
    auto usable = check_backend_fits(*rules, layout, request);
    if (usable) usable = survey_backend(*rules, request);
    if (usable) {
      note_passed_over(passed_over, rules->name, notes);
      return std::string(rules->name);
    }
    passed_over.add(*rules, std::move(usable).error());
  }
  return tl::unexpected<Error>(passed_over.error(candidates.size()));
}

}  // namespace ploopu
