// api_client.hpp: The HTTP side of reelctl, over libcurl: one connection kept open, the key never in argv.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <string>
#include <vector>

namespace reel::ctl {

struct api_options {
  std::string url = "http://127.0.0.1:8080"; ///< --url or REEL_URL
  std::string key;                           ///< REEL_API_KEY, or the file of --key-file
};

/// An answer that is no success: its text is for the person at the terminal.
class api_error : public std::runtime_error {
public:
  api_error(long status, const std::string& text) : std::runtime_error{text}, status_{status} {}
  long status() const { return status_; } ///< 0: no answer came

private:
  long status_;
};

class api_client {
public:
  explicit api_client(const api_options& o);
  ~api_client();
  api_client(const api_client&) = delete;
  api_client& operator=(const api_client&) = delete;

  /// Repeats on 429, 503 and a lost connection until `patience_s` have passed, honouring Retry-After and
  /// x-should-retry: creating with an idempotency key and everything else here is safe to repeat.
  boost::json::value get(const std::string& path);
  boost::json::value post(const std::string& path, const boost::json::value& body,
                          const std::string& idempotency_key = {});
  boost::json::value remove(const std::string& path);
  std::string get_text(const std::string& path);
  void download(const std::string& path, const std::string& file); ///< by a temporary file beside it

  void set_patience(int seconds) { patience_s_ = seconds; }

private:
  struct reply;
  reply once(const std::string& method, const std::string& path, const std::string& body,
             const std::vector<std::string>& headers);
  reply patiently(const std::string& method, const std::string& path, const std::string& body,
                  const std::vector<std::string>& headers);

  struct handle;
  api_options options_;
  int patience_s_ = 60;
  std::unique_ptr<handle> handle_;
};

} // namespace reel::ctl
