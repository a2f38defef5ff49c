// webhook_receiver.hpp: The receiver of all webhooks of a run: a small HTTP server on loopback that writes down what it
// got (src/reel-check/HISTORY.md, "The others") and answers well or, when it is told so, badly. It knows nothing of the
// cluster but its tenants' secrets, and checks every signature with code of its own.
//
// Threads of its own, each with one connection at a time, so that one that hangs holds up no other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "src/reel-chaos/history_file.hpp"

namespace reel::chaos {

/// The part of a webhook's request that is looked at.
struct webhook_request {
  std::string tenant; ///< the path, without its first slash
  std::string id, timestamp, signature, body;
};

/// Standard Webhooks: `secret` is "whsec_" and base64. False for anything that is not what the secret's owner signed.
bool is_signed(const webhook_request& r, const std::string& secret);

class webhook_receiver {
public:
  /// For the cluster: it may post here, and does not wait long between tries.
  static constexpr const char* cluster_settings = "[webhooks]\nallow_networks = [\"127.0.0.1\"]\ntimeout = \"1s\"\n"
                                                  "retry_first = \"200ms\"\nretry_most = \"2s\"\n";

  /// Listens at once. Throws std::runtime_error when it cannot.
  explicit webhook_receiver(const std::string& history);
  ~webhook_receiver(); ///< also without close()
  webhook_receiver(const webhook_receiver&) = delete;
  webhook_receiver& operator=(const webhook_receiver&) = delete;

  std::string url() const;
  void trust(const std::string& tenant, const std::string& secret); ///< before its first webhook

  /// From now on. error: 500; hang: nothing while it lasts; close: the connection, unanswered; redirect: to a metadata
  /// service; late: takes it, and closes the connection without saying so, once for each webhook.
  void answer_with(const std::string& how);
  /// What it answered otherwise; empty: nobody asked.
  std::string answer_well();

  struct figures {
    std::size_t jobs = 0;     ///< of which something was taken
    std::size_t taken = 0;    ///< with repetitions
    std::size_t repeated = 0; ///< taken again after it had been taken
    std::size_t refused = 0;  ///< answered badly
    std::size_t forged = 0;   ///< with no good signature
    std::string text() const;
  };
  figures seen() const;

  void close(); ///< ends the history; nothing is taken any more

private:
  void serve();
  void handle(int connection);
  std::string answer_to(const webhook_request& r, int connection);
  std::string take(const webhook_request& r, bool is_told);
  void write_down(const webhook_request& r, bool accepted);
  void stop();

  history_file history_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_; ///< of all below
  std::condition_variable changed_;
  std::map<std::string, std::string> secrets_; ///< by tenant
  std::string how_;                            ///< empty: well
  std::uint64_t faults_ = 0;                   ///< that have begun: a hang ends with its own
  std::size_t refused_before_ = 0;
  std::map<std::string, std::size_t> taken_; ///< by delivery id
  std::set<std::string> jobs_, late_;
  figures figures_;
  std::vector<std::thread> threads_;
};

} // namespace reel::chaos
