// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/serve/record.hpp"

#include <stdexcept>
#include <utility>

#include <nlohmann/json.hpp>

namespace ploopu {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;

// Names may be any bytes, JSON only text: each byte is stored as the code point of its value.
std::string bytes_to_text(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

std::string text_to_bytes(const std::string& text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80 || i + 1 == text.size()) {
      bytes += text[i];
    } else {
      bytes +=
          static_cast<char>((lead & 0x03) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3F));
    }
  }
  return bytes;
}

// json::get makes any number of any other, also where it doesn't fit.
template <class Number>
Number get_number(const json& value) {
  const bool fits = value.is_number_unsigned()
                        ? std::in_range<Number>(value.get<uint64_t>())
                        : value.is_number_integer() && std::in_range<Number>(value.get<int64_t>());
  if (!fits) throw std::out_of_range("a number in a record");
  return value.get<Number>();
}

FileIdentity get_file(const json& value) {
  return {get_number<uint64_t>(value.at(0)), get_number<uint64_t>(value.at(1))};
}

std::string get_bytes(const json& value) { return text_to_bytes(value.get<std::string>()); }

FileState get_file_state(const json& value) {
  FileState file{get_file(value), {}, 0, 0};
  if (value.size() <= 2) return file;  // an older version wrote it
  file.path = get_bytes(value.at(2));
  file.size = get_number<uint64_t>(value.at(3));
  file.modified = get_number<int64_t>(value.at(4));
  return file;
}

json encode(const std::string& bytes) { return bytes_to_text(bytes); }
json encode(const std::optional<std::string>& bytes) {
  return bytes ? json(bytes_to_text(*bytes)) : json();
}
json encode(bool value) { return value; }

json encode(const std::vector<AttachedPartition>& partitions) {
  json array = json::array();
  for (const auto& partition : partitions) {
    array.push_back({{"number", partition.number}, {"device", bytes_to_text(partition.device)}});
  }
  return array;
}

json encode(const ImageState& state) {
  json array = json::array();
  for (const auto& file : state.files) {
    json entry = {file.identity.device, file.identity.inode};
    if (!file.path.empty()) {
      entry.insert(entry.end(), {bytes_to_text(file.path), file.size, file.modified});
    }
    array.push_back(std::move(entry));
  }
  return array;
}

void decode(const json& value, std::string& bytes) { bytes = get_bytes(value); }
void decode(const json& value, std::optional<std::string>& bytes) { bytes = get_bytes(value); }
void decode(const json& value, bool& truth) { truth = value.get<bool>(); }

void decode(const json& value, std::vector<AttachedPartition>& partitions) {
  for (const json& partition : value) {
    partitions.push_back(
        {get_number<uint32_t>(partition.at("number")), get_bytes(partition.at("device"))});
  }
}

void decode(const json& value, ImageState& state) {
  for (const json& file : value) state.files.push_back(get_file_state(file));
}

json to_json(const Record& record) {
  json document = {{"schema", kSchema},
                   {"scratch", {record.scratch.device, record.scratch.inode}},
                   {"is_users_overlay", record.is_users_overlay},
                   {"server", {record.server.pid, record.server.start_time}},
                   {"queue", record.queue},
                   {"loops", record.loops},
                   {"mountpoints", json::array()},
                   {"mount_ids", json::array()}};
  for (const auto& mount : record.mounts) {
    document["mountpoints"].push_back(bytes_to_text(mount.directory));
    document["mount_ids"].push_back(mount.id);
  }
  const auto write = [&](const auto& fact, const auto& value) {
    if (!is_left_out(fact.presence, value)) document[fact.in_record] = encode(value);
  };
  visit_identity(write, record);
  visit_service(write, record);
  return document;
}

Record from_json(const json& document) {
  Record record;
  record.is_readable = get_number<int>(document.at("schema")) == kSchema;
  if (!record.is_readable) return record;
  const auto read = [&](const auto& fact, auto& value) {
    const bool may_lack = fact.presence != FactPresence::always;
    if (may_lack && !document.contains(fact.in_record)) return;
    decode(document.at(fact.in_record), value);
  };
  visit_identity(read, record);
  visit_service(read, record);
  record.server.pid = get_number<pid_t>(document.at("server").at(0));
  record.server.start_time = get_number<uint64_t>(document.at("server").at(1));
  for (const json& directory : document.at("mountpoints")) {
    record.mounts.push_back({get_bytes(directory), 0});
  }
  // Records of older versions have none of these.
  if (document.contains("mount_ids")) {
    for (size_t i = 0; i < record.mounts.size(); ++i) {
      record.mounts[i].id = get_number<int>(document["mount_ids"].at(i));
    }
  }
  if (document.contains("scratch")) record.scratch = get_file(document["scratch"]);
  record.is_users_overlay = document.value("is_users_overlay", false);
  record.queue = document.value("queue", QueueSettings());
  if (document.contains("loops")) record.loops = get_number<size_t>(document["loops"]);
  return record;
}

}  // namespace

std::string record_text(const Record& record) { return to_json(record).dump(); }

Record parse_record(const std::string& text) {
  try {
    return from_json(json::parse(text));
  } catch (const json::exception&) {  // no JSON, or another shape
  } catch (const std::out_of_range&) {
  }
  Record unreadable;
  unreadable.is_readable = false;
  return unreadable;
}

}  // namespace ploopu
