// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/nbd/nbd_backend.hpp"

#include <utility>

#include "platform/block/block_device.hpp"
#include "platform/kernel/module_loader.hpp"
#include "platform/nbd/nbd_netlink.hpp"
#include "platform/nbd/nbd_supervisor.hpp"
#include "platform/nbd/nbd_sysfs.hpp"
#include "platform/os/queue_settings.hpp"

namespace ploopu {
namespace {

class NbdService final : public Service {
 public:
  // `index` is the number of an existing device, or -1 to create a device.
  NbdService(const ServedDisk& disk, const Record& record, const NbdBackend& backend,
             const RuntimeDir& runtime, int index = -1)
      : disk_(disk),
        record_(record),
        backend_(backend),
        runtime_(runtime),
        index_(index),
        supervisor_(disk, record.id, runtime) {}

  Result<std::string> start() override {
    if (index_ >= 0) {
      PLOOPU_CHECK(supervisor_.take_over(index_, record_.servers));
      return nbd_node(index_);
    }
    PLOOPU_TRY(const int index, supervisor_.start());
    return nbd_node(index);
  }

  void serve_until(int control) override { supervisor_.run(control); }
  void wait() override {
    supervisor_.run(-1);
    // An error is ignored: detach finds out if the overlay file isn't closed.
    if (supervisor_.have_all_ended()) static_cast<void>(disk_.close());
  }

  Result<void> stop() override {
    if (index_ >= 0) return fail(ErrorKind::busy, "{}: was there before", record_.device);
    return backend_.release(record_);
  }

  void clean_up() override {
    if (backend_.find_device(record_, BlockSnapshot()).empty()) runtime_.remove(record_.id);
  }

 private:
  const ServedDisk disk_;
  const Record& record_;
  const NbdBackend& backend_;
  const RuntimeDir& runtime_;
  const int index_;
  NbdSupervisor supervisor_;
};

}  // namespace

BackendReport NbdBackend::survey(const HostFacts& host, bool /*as_file*/) {
  BackendReport report{"nbd", true, "", {}};
  if (!host.need_rights(report)) return report;
  const bool answers = host.asked().has_nbd_family;
  if (!host.need(report, answers, "nbd", "CONFIG_BLK_DEV_NBD")) return report;
  // Older drivers lack the attribute "backend" in sysfs, by which ploopu finds its devices.
  if (host.is_older_than(5, 14)) {
    report.usable = false;
    report.reason =
        "the nbd driver of this kernel keeps no identifier: Linux 5.14 or later is needed";
    report.advice = {"boot a newer kernel, or use dm"};
    return report;
  }
  if (answers) return report;
  // The driver is there but doesn't answer: its netlink family exists in the first network
  // namespace only (docs/KERNEL.md#nbd-privileges-and-namespaces).
  if (report.reason.empty()) {
    report.usable = false;
    report.reason =
        "the nbd driver does not answer: it answers only in the host's network namespace";
    report.advice = {"run it outside of containers and network namespaces"};
  }
  return report;
}

Result<void> NbdBackend::prepare(bool /*as_file*/) const {
  if (NbdNetlink::is_available()) return {};
  return load_kernel_module("nbd", "max_part=16");
}

Result<std::optional<ServerProcess>> NbdBackend::serve(const ServedDisk& disk,
                                                       const DiskLayout& /*layout*/, Record& record,
                                                       int lock) const {
  NbdService service(disk, record, *this, runtime_);
  PLOOPU_TRY(auto server,
             ServerProcess::launch(service, disk.view().file_descriptors(), lock, "ploopu-nbd"));
  record.device = server.started();
  record.queue = tune_queue(record.device);
  return std::optional(std::move(server));
}

Result<ServerProcess> NbdBackend::take_over(const ServedDisk& disk, const Record& record,
                                            int lock) const {
  NbdService service(disk, record, *this, runtime_, find_nbd(record.id));
  return ServerProcess::launch(service, disk.view().file_descriptors(), lock, "ploopu-nbd");
}

std::string NbdBackend::find_device(const Record& record, const BlockSnapshot& now) const {
  const int index = now.find_nbd(nbd_identifier(record.id));
  return index < 0 ? "" : nbd_node(index);
}

Result<void> NbdBackend::cut_off(const Record& record) const {
  const int index = find_nbd(record.id);
  return index < 0 ? Result<void>() : NbdNetlink::disconnect(index);
}

Result<void> NbdBackend::release(const Record& record) const {
  const int index = find_nbd(record.id);
  if (index < 0) return {};
  PLOOPU_TRY(auto claim, claim_disk(nbd_node(index)));
  // Meanwhile another process may have disconnected the device, and a third may use its number.
  if (find_nbd(record.id) != index) return {};
  // Flushes while the device has a server: cached writes are lost with the device.
  if (!record.overlay_file.empty() && is_any_alive(record.servers)) {
    PLOOPU_CHECK(flush_disk(claim, nbd_node(index)));
  }
  remove_partitions(claim, nbd_node(index));
  // The claim is held until the device is disconnected, so that no mount can come in between. The
  // driver cleans up when the claim, the last descriptor, is closed.
  PLOOPU_CHECK(NbdNetlink::disconnect(index));
  restore_queue(nbd_node(index), record.queue);
  claim.reset();
  return forget_partitions(nbd_node(index));
}

}  // namespace ploopu
