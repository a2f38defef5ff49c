#include "src/reel-chaos/http_client.hpp"

#include <curl/curl.h>

namespace reel::chaos {

namespace {

std::size_t append(char* data, std::size_t size, std::size_t count, void* into) {
  static_cast<std::string*>(into)->append(data, size * count);
  return size * count;
}

struct header_list {
  curl_slist* all = nullptr;
  ~header_list() { curl_slist_free_all(all); }
  void add(const std::string& line) { all = curl_slist_append(all, line.c_str()); }
};

} // namespace

http_client::http_client(std::string url, std::chrono::milliseconds patience)
    : url_{std::move(url)}, patience_{patience}, curl_{curl_easy_init()} {}

http_client::~http_client() { curl_easy_cleanup(curl_); }

http_answer http_client::send(const char* method, const std::string& path, const std::string& key,
                              const std::string& json_body, const std::string& idempotency_key) {
  auto* c = static_cast<CURL*>(curl_);
  curl_easy_reset(c);
  http_answer answer;
  header_list headers;
  headers.add("Authorization: Bearer " + key);
  headers.add("Content-Type: application/json");
  headers.add("Expect:");
  if (!idempotency_key.empty()) headers.add("Idempotency-Key: " + idempotency_key);
  const auto url = url_ + path;
  curl_easy_setopt(c, CURLOPT_URL, url.c_str());
  curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers.all);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
  curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(patience_.count()));
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  if (std::string_view{method} == "POST") {
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, json_body.data());
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, static_cast<long>(json_body.size()));
  }
  const auto code = curl_easy_perform(c);
  long status = 0, connects = 0;
  curl_off_t wait = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(c, CURLINFO_NUM_CONNECTS, &connects);
  curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &wait);
  if (code != CURLE_OK) {
    answer.never_arrived = code == CURLE_COULDNT_CONNECT;
    return answer;
  }
  answer.status = static_cast<int>(status);
  answer.retry_after_s = static_cast<int>(wait);
  return answer;
}

} // namespace reel::chaos
