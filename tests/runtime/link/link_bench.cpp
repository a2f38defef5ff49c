// link_bench.cpp: What the link costs on this machine: latency and CPU of an ask and its answer, packets per
// second one way, CPU when idle. Both ends live in this process, so CPU figures count both. Not a test: run
// it by hand.
#include <algorithm>
#include <cstdio>
#include <semaphore>
#include <sys/resource.h>
#include <thread>

#include "runtime/link/zmq_link.hpp"

using namespace reel;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

/// CPU time and voluntary thread switches of this process since construction.
class meter {
public:
  meter() { ::getrusage(RUSAGE_SELF, &start_); }

  void print(double n, const char* per) const {
    rusage now{};
    ::getrusage(RUSAGE_SELF, &now);
    const double cpu_s = seconds(now.ru_utime, start_.ru_utime) + seconds(now.ru_stime, start_.ru_stime);
    std::printf("CPU %7.2f us, %6.3f thread switches per %s\n", cpu_s / n * 1e6,
                static_cast<double>(now.ru_nvcsw - start_.ru_nvcsw) / n, per);
  }

private:
  static double seconds(const timeval& b, const timeval& a) {
    return static_cast<double>(b.tv_sec - a.tv_sec) + static_cast<double>(b.tv_usec - a.tv_usec) * 1e-6;
  }

  rusage start_{};
};

double seconds_since(clock_type::time_point t) { return std::chrono::duration<double>(clock_type::now() - t).count(); }

struct end : link_listener {
  void on_packet(const node_id& from, packet p) override {
    if (p.kind == packet_kind::ask) {
      p.kind = packet_kind::answer;
      link->send(from, std::move(p));
      return;
    }
    arrived_at = clock_type::now();
    if (p.kind == packet_kind::answer || ++count == wanted) arrived.release();
  }
  void on_peer(const node_id&, node_epoch, peer_state state) override {
    if (state == peer_state::up) up.release();
  }

  reel::link* link = nullptr;
  clock_type::time_point arrived_at;
  std::size_t count = 0, wanted = 0;
  std::counting_semaphore<> arrived{0}, up{0};
};

const node_id alpha{"alpha"}, beta{"beta"};
const std::string token = "0123456789abcdef";

struct rig {
  rig(const zmq_link_options& oa, zmq_link_options ob) : a{oa} {
    ob.peers[0].endpoint = a.endpoint();
    b = std::make_unique<zmq_link>(ob);
    end_a.link = &a;
    end_b.link = b.get();
    a.start(end_a);
    b->start(end_b);
    end_a.up.acquire();
    end_b.up.acquire();
  }

  end end_a, end_b;
  zmq_link a;
  std::unique_ptr<zmq_link> b;
};

std::unique_ptr<rig> make_rig(bool curve, const std::string& folder) {
  const auto ka = make_curve_keys(), kb = make_curve_keys();
  zmq_link_options oa{.self = alpha, .epoch = {1}, .listen = curve ? "tcp://127.0.0.1:*" : "ipc://" + folder + "/link"};
  zmq_link_options ob{.self = beta, .epoch = {2}};
  oa.peers = {{.id = beta, .public_key = curve ? kb.public_key : "", .token = curve ? "" : token}};
  ob.peers = {{.id = alpha, .endpoint = "", .public_key = curve ? ka.public_key : "", .token = curve ? "" : token}};
  if (curve) oa.keys = ka;
  if (curve) ob.keys = kb;
  ob.peers[0].endpoint = oa.listen;
  return std::make_unique<rig>(oa, ob);
}

void round_trips(const char* name, rig& r, int n) {
  std::vector<double> us;
  const packet ask{.kind = packet_kind::ask, .body = blob{std::vector<std::uint8_t>(200, 1)}};
  const meter used;
  for (int i = 0; i < n; ++i) {
    const auto start = clock_type::now();
    r.b->send(alpha, ask);
    r.end_b.arrived.acquire();
    us.push_back(std::chrono::duration<double, std::micro>(r.end_b.arrived_at - start).count());
  }
  std::ranges::sort(us);
  std::printf("%-26s p50 %6.1f us  p99 %6.1f us  ", name, us[us.size() / 2], us[us.size() * 99 / 100]);
  used.print(n, "round trip");
}

void one_way(const char* name, rig& r, std::size_t n, std::size_t body_bytes, std::size_t attachment_bytes) {
  packet p{.kind = packet_kind::tell, .body = blob{std::vector<std::uint8_t>(body_bytes, 1)}};
  if (attachment_bytes > 0) p.attachments = {blob{std::vector<std::uint8_t>(attachment_bytes, 2)}};
  r.end_a.count = 0;
  r.end_a.wanted = n;
  const meter used;
  const auto start = clock_type::now();
  for (std::size_t i = 0; i < n; ++i)
    while (r.b->send(alpha, p) == errc::queue_full) std::this_thread::sleep_for(100us);
  r.end_a.arrived.acquire();
  const double s = seconds_since(start);
  std::printf("%-26s %8.0f packets/s  %7.1f MB/s  ", name, static_cast<double>(n) / s,
              static_cast<double>(n * (body_bytes + attachment_bytes)) / s * 1e-6);
  used.print(static_cast<double>(n), "packet");
}

void idle(const char* name, std::chrono::seconds d) {
  const meter used;
  std::this_thread::sleep_for(d);
  std::printf("%-26s ", name);
  used.print(static_cast<double>(d.count()), "second");
}

} // namespace

int main() {
  char folder[] = "/tmp/reel-link-bench-XXXXXX";
  if (!::mkdtemp(folder)) return 1;
  for (bool curve : {true, false}) {
    const std::string how = curve ? "tcp+CURVE " : "ipc       ";
    auto r = make_rig(curve, folder);
    round_trips((how + "ask/answer 200 B").c_str(), *r, 20'000);
    one_way((how + "200 B").c_str(), *r, 500'000, 200, 0);
    one_way((how + "64 KiB attached").c_str(), *r, 20'000, 200, 64u << 10);
    idle((how + "idle pair").c_str(), 10s);
  }
  [[maybe_unused]] auto gone = std::remove((std::string{folder} + "/link").c_str()) | std::remove(folder);
}
