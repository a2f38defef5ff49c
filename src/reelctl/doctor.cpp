// Looks at all that a line needs on this machine and says what to do about what is wrong.
#include <algorithm>
#include <arpa/inet.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "actors/gateway/auth/tenants.hpp"
#include "actors/storage/sqlite/schema.hpp"
#include "actors/worker/wan/files/checkpoint_folder.hpp"
#include "src/reelctl/ask_control.hpp"
#include "src/reelctl/table.hpp"
#include "src/reelctl/terminal.hpp"

namespace reel::ctl {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

enum class health { good, note, bad };

struct finding {
  health how = health::good;
  std::string what, found, to_do;
};
using findings = std::vector<finding>;

/// What `look` throws is what is wrong.
template <class Look> void check(findings& all, const std::string& what, const std::string& to_do, Look look) {
  try {
    all.push_back({health::good, what, look(), {}});
  } catch (const std::exception& e) {
    all.push_back({health::bad, what, e.what(), to_do});
  }
}

void check_keys(findings& all, cluster_link& link, const cluster_address& a, const cluster_config& c) {
  for (const auto& n : c.nodes)
    check(all, "public key of " + n.id.value, "copy it from the control node, or run: reelctl keygen", [&] {
      load_public_key(c.keys_dir, n.id);
      return std::string{"there"};
    });
  for (const auto& entry : fs::directory_iterator{c.keys_dir}) {
    if (entry.path().extension() != ".secret") continue;
    const node_id name{entry.path().stem().string()};
    check(all, "secret key " + name.value,
          "chmod 600 " + entry.path().string() + ", or make a new pair: reelctl keygen --replace " + name.value, [&] {
            load_key_files(c.keys_dir, name);
            return std::string{"there, its owner's alone"};
          });
  }
  check(all, "key of this operator", "reelctl keygen, or --as NAME", [&] { return link.key(a).value; });
}

/// Whether somebody listens there.
bool answers(const std::string& address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval most{2, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  ::inet_pton(AF_INET, address == "0.0.0.0" ? "127.0.0.1" : address.c_str(), &to.sin_addr);
  const bool there = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  ::close(fd);
  return there;
}

void check_port(findings& all, const std::string& what, const std::string& address, std::uint16_t port,
                const std::string& to_do) {
  const auto where = fmt::format("{}:{}", address, port);
  if (answers(address, port))
    all.push_back({health::good, what, where + " is open", {}});
  else
    all.push_back({health::bad, what, "nobody listens at " + where, to_do});
}

void check_ports(findings& all, const cluster_config& c) {
  for (const auto& n : c.nodes) {
    constexpr std::string_view tcp = "tcp://";
    if (!n.listen.starts_with(tcp)) continue;
    const auto colon = n.listen.rfind(':');
    check_port(
        all, "link of " + n.id.value, n.listen.substr(tcp.size(), colon - tcp.size()),
        static_cast<std::uint16_t>(std::atoi(n.listen.c_str() + colon + 1)),
        fmt::format("start it: reel-node --config {} --node {}; or open the port in the firewall", c.file, n.id.value));
  }
  check_port(all, "HTTP", c.gateway.address, c.gateway.port,
             "start the node with the gateway; is the port another program's?");
}

void check_disk(findings& all, const std::string& what, const std::string& folder) {
  struct statvfs v {};
  if (::statvfs(folder.c_str(), &v) != 0) {
    all.push_back({health::note, what, folder + " is not on this machine", {}});
    return;
  }
  const double used =
      v.f_blocks == 0 ? 0 : 100.0 * (1 - static_cast<double>(v.f_bavail) / static_cast<double>(v.f_blocks));
  const auto free_gib = static_cast<double>(v.f_bavail) * static_cast<double>(v.f_frsize) / (1u << 30);
  const auto found = fmt::format("{:.0f} % used, {:.1f} GiB free at {}", used, free_gib, folder);
  if (::access(folder.c_str(), W_OK) != 0)
    all.push_back({health::bad, what, folder + " cannot be written", "chown it to the user that runs reel-node"});
  else if (used >= 85)
    all.push_back(
        {health::bad, what, found, "make room: from 85 % on new work is refused, from 95 % on nothing is started"});
  else
    all.push_back(
        {used >= 75 ? health::note : health::good, what, found, used >= 75 ? "new work is refused from 85 % on" : ""});
}

void check_clock(findings& all, std::optional<wall_time> theirs) {
  timex t{};
  const bool synchronised = ::adjtimex(&t) != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
  const auto skew = theirs ? std::chrono::system_clock::now() - *theirs : std::chrono::nanoseconds{0};
  const auto seconds = std::chrono::duration<double>(skew).count();
  if (std::abs(seconds) > 2)
    all.push_back({health::bad, "clock", fmt::format("{:.1f} s from the control node's", seconds),
                   "set it, and run chrony or systemd-timesyncd"});
  else
    all.push_back(
        {synchronised ? health::good : health::note, "clock",
         synchronised ? "synchronised" : "nothing says that it is synchronised",
         synchronised ? "" : "run chrony or systemd-timesyncd: quotas, deadlines and signatures use wall time"});
}

void check_devices(findings& all) {
  int devices = 0;
  std::error_code bad;
  for (const auto& entry : fs::directory_iterator{"/dev", bad}) {
    const auto name = entry.path().filename().string();
    if (name.starts_with("nvidia") && name.size() == 7 && std::isdigit(static_cast<unsigned char>(name[6]))) ++devices;
  }
  all.push_back({devices > 0 ? health::good : health::note, "GPU", fmt::format("{} NVIDIA devices", devices),
                 devices > 0 ? "" : "workers on this machine compute on the CPU"});
}

void check_models(findings& all, const cluster_config& c) {
  for (const auto& m : c.models) {
    if (m.renderer.kind != "wan") continue;
    check(all, "checkpoint of " + m.profile.id.value, "see models/README.md; reel-worker --inspect FOLDER says more",
          [&] {
            wan::find_checkpoint(m.renderer.checkpoint);
            return m.renderer.checkpoint;
          });
    check(all, "tokenizer of " + m.profile.id.value, "the gateway's machine needs it: copy spiece.model", [&] {
      if (!fs::exists(m.tokenizer_file)) throw std::runtime_error{m.tokenizer_file + " is not there"};
      return m.tokenizer_file;
    });
  }
}

void check_stores(findings& all, const cluster_config& c) {
  check(all, "tenants", "reelctl tenant-add " + c.gateway.tenants_file + " NAME", [&] {
    return fmt::format("{} in {}", tenant_directory::load(c.gateway.tenants_file).tenants().size(),
                       c.gateway.tenants_file);
  });
  check(all, "ledger", "it must be on the control node's disk; restore it from a backup if it is damaged", [&] {
    sqlite::check_ledger_file(c.storage.ledger_file);
    return c.storage.ledger_file + (fs::exists(c.storage.ledger_file) ? "" : " (not made yet)");
  });
  check_disk(all, "disk of data", c.data_dir);
  if (c.storage.objects_dir != c.data_dir + "/objects") check_disk(all, "disk of videos", c.storage.objects_dir);
}

std::optional<wall_time> check_line(findings& all, const cluster_options& o) {
  std::optional<wall_time> theirs;
  check(all, "the line", "look at `log --level error` on the control node", [&] {
    const auto line = ask_control<line_overview>(o, describe_line{});
    theirs = line.at;
    std::string urgent;
    for (const auto& a : line.alarms)
      if (is_urgent(a.kind)) urgent += (urgent.empty() ? "" : "; ") + to_string(a);
    if (!urgent.empty()) throw std::runtime_error{urgent};
    return fmt::format("answers; {} of {} workers ready, {} jobs wait", line.workers_ready, line.workers_total,
                       line.waiting());
  });
  if (!theirs) return theirs;
  const auto view = ask_control<nodes_view>(o, describe_nodes{});
  for (const auto& n : view.nodes)
    if (n.state != peer_state::up)
      all.push_back({health::bad, "node " + n.id.value, std::string{to_string(n.state)},
                     "start it, or look at its log; can it reach the control node's port?"});
  return theirs;
}

int tell(const findings& all, bool as_json) {
  const bool bad = std::ranges::any_of(all, [](const finding& f) { return f.how == health::bad; });
  if (as_json) {
    json::array list;
    for (const auto& f : all)
      list.push_back(json::object{{"what", f.what},
                                  {"state", f.how == health::good   ? "good"
                                            : f.how == health::note ? "note"
                                                                    : "bad"},
                                  {"found", f.found},
                                  {"to_do", f.to_do}});
    fmt::print("{}\n", json::serialize(json::object{{"good", !bad}, {"findings", std::move(list)}}));
    return bad ? exit_failed : 0;
  }
  using terminal::colour;
  for (const auto& f : all) {
    const auto mark = f.how == health::good   ? terminal::paint("good", colour::good)
                      : f.how == health::note ? terminal::paint("note", colour::warn)
                                              : terminal::paint("BAD ", colour::bad);
    fmt::print("{}  {}: {}\n", mark, f.what, printable(f.found, 400));
    if (!f.to_do.empty()) fmt::print("      -> {}\n", f.to_do);
  }
  fmt::print("{}\n", bad ? "something has to be done" : "all well");
  return bad ? exit_failed : 0;
}

} // namespace

int doctor(const cluster_options& o) {
  findings all;
  const cluster_config* c = nullptr;
  check(all, "configuration", "correct the line that it names; every key is explained in cluster-configs/local.toml",
        [&] {
          c = &o.link->config(o);
          return fmt::format("{}: {} nodes, {} models", c->file, c->nodes.size(), c->models.size());
        });
  if (!c) return tell(all, o.json);
  check(all, "keys", "reelctl keygen --config " + c->file, [&] {
    if (!fs::is_directory(c->keys_dir)) throw std::runtime_error{c->keys_dir + " is not there"};
    return c->keys_dir;
  });
  if (fs::is_directory(c->keys_dir)) check_keys(all, *o.link, o, *c);
  check_ports(all, *c);
  check_stores(all, *c);
  check_models(all, *c);
  check_devices(all);
  check_clock(all, check_line(all, o));
  return tell(all, o.json);
}

} // namespace reel::ctl
