// webhook_receiver_test.cpp: The receiver of chaos runs over real sockets: what it takes, refuses and writes down, and
// that it knows a good signature by itself.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <curl/curl.h>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sodium.h>
#include <thread>
#include <unistd.h>

#include "src/reel-chaos/webhook_receiver.hpp"

using namespace reel::chaos;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

// The example of Standard Webhooks, signed by its own library.
const std::string example_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const webhook_request example{"acme", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
                              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", R"({"test": 2432232314})"};

std::string signature_of(const std::string& id, const std::string& body) {
  const std::string key(24, 'k'), what = id + ".1." + body;
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_state state;
  const auto bytes = [](const std::string& t) { return reinterpret_cast<const unsigned char*>(t.data()); };
  crypto_auth_hmacsha256_init(&state, bytes(key), key.size());
  crypto_auth_hmacsha256_update(&state, bytes(what), what.size());
  crypto_auth_hmacsha256_final(&state, mac);
  char text[128];
  sodium_bin2base64(text, sizeof text, mac, sizeof mac, sodium_base64_VARIANT_ORIGINAL);
  return std::string{"v1,"} + text;
}
const std::string secret = "whsec_a2tra2tra2tra2tra2tra2tra2tra2tr"; // 24 times k

struct world {
  world() { receiver->trust("acme", secret + "\n"); }
  ~world() { std::filesystem::remove(file); }

  /// The status; 0: none came.
  long post(const std::string& job, const std::string& tenant = "acme", std::chrono::milliseconds patience = 5s) const {
    const auto id = job + "/1";
    const auto body = R"({"type":"video.completed","data":{"id":")" + job + R"(","generation":1}})";
    auto* c = curl_easy_init();
    curl_slist* headers = nullptr;
    for (const auto& h :
         {"webhook-id: " + id, std::string{"Webhook-Timestamp: 1"}, "webhook-signature: " + signature_of(id, body)})
      headers = curl_slist_append(headers, h.c_str());
    curl_easy_setopt(c, CURLOPT_URL, (receiver->url() + "/" + tenant).c_str());
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(patience.count()));
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    long status = 0;
    if (curl_easy_perform(c) == CURLE_OK) curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return status;
  }
  /// Between the first line and the last.
  std::vector<json::object> lines() {
    receiver->close();
    std::vector<json::object> all;
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) all.push_back(json::parse(line).as_object());
    REQUIRE(all.size() >= 2);
    CHECK(all.front().at("observer") == "receiver");
    CHECK(all.back().at("op") == "close");
    return {all.begin() + 1, all.end() - 1};
  }

  std::string file = std::filesystem::temp_directory_path() / fmt::format("reel-receiver-{}.jsonl", ::getpid());
  std::unique_ptr<webhook_receiver> receiver = std::make_unique<webhook_receiver>(file);
};

} // namespace

TEST_CASE("a signature is good for its bytes, id, time and secret, and for nothing else") {
  CHECK(is_signed(example, example_secret));
  for (auto changed : {&webhook_request::id, &webhook_request::timestamp, &webhook_request::body}) {
    auto other = example;
    (other.*changed).back() ^= 1;
    CHECK_FALSE(is_signed(other, example_secret));
  }
  CHECK_FALSE(is_signed(example, secret));
  auto unsigned_one = example;
  for (auto* text : {"", "v1,", "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,AAAA"}) {
    unsigned_one.signature = text;
    CHECK_FALSE(is_signed(unsigned_one, example_secret));
  }
}

TEST_CASE("what is taken is written down, repetitions too") {
  world w;
  CHECK(w.post("video_1") == 204);
  CHECK(w.post("video_1") == 204);
  CHECK(w.post("video_2") == 204);
  const auto seen = w.receiver->seen();
  CHECK(seen.jobs == 2);
  CHECK(seen.taken == 3);
  CHECK(seen.repeated == 1);
  const auto lines = w.lines();
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].at("op") == "deliver");
  CHECK(lines[0].at("tenant") == "acme");
  CHECK(lines[0].at("job") == "video_1");
  CHECK(lines[0].at("delivery_id") == "video_1/1");
  CHECK(lines[0].at("gen") == 1);
  CHECK(lines[0].at("event") == "completed");
  CHECK(lines[0].at("accepted") == true);
  CHECK(lines[0].at("body_sha") == lines[1].at("body_sha"));
  CHECK(lines[0].at("body_sha") != lines[2].at("body_sha"));
}

TEST_CASE("what is not signed by its tenant is refused") {
  world w;
  w.receiver->trust("other", example_secret);
  CHECK(w.post("video_1", "other") == 401);
  CHECK(w.post("video_1", "nobody") == 401);
  CHECK(w.receiver->seen().forged == 2);
  CHECK(w.lines().empty());
}

TEST_CASE("it answers badly while it is told to, and proves it") {
  world w;
  w.receiver->answer_with("error");
  CHECK(w.post("video_1") == 500);
  CHECK(w.receiver->answer_well().find("1 webhooks") != std::string::npos);
  w.receiver->answer_with("redirect");
  CHECK(w.post("video_1") == 307);
  w.receiver->answer_well();
  w.receiver->answer_with("close");
  CHECK(w.post("video_1") == 0);
  w.receiver->answer_well();
  w.receiver->answer_with("hang");
  CHECK(w.post("video_1", "acme", 300ms) == 0);
  w.receiver->answer_well();
  w.receiver->answer_with("error");
  CHECK(w.receiver->answer_well().empty()); // nobody asked
  CHECK(w.receiver->seen().taken == 0);
  for (const auto& line : w.lines()) CHECK(line.at("accepted") == false);
}

TEST_CASE("a hang ends with its fault, for others it is none") {
  world w;
  w.receiver->answer_with("hang");
  long hung = -1;
  std::thread posting{[&] { hung = w.post("video_1", "acme", 60s); }};
  while (w.receiver->seen().refused == 0) std::this_thread::yield();
  w.receiver->answer_well();
  posting.join();
  CHECK(hung == 0);
  CHECK(w.post("video_1") == 204);
}

TEST_CASE("late: taken without a word, and then with one") {
  world w;
  w.receiver->answer_with("late");
  CHECK(w.post("video_1") == 0);
  CHECK(w.post("video_1") == 204);
  CHECK_FALSE(w.receiver->answer_well().empty());
  CHECK(w.receiver->seen().repeated == 1);
  for (const auto& line : w.lines()) CHECK(line.at("accepted") == true);
}
