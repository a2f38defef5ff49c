// time_zone_test.cpp: Days begin when they begin there. Method: the C library reads the same files, and has to agree at
// random moments of 1970 to 2100, around every change between standard and summer time too; one file is written here,
// so that nothing depends on what is installed.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <fstream>
#include <rapidcheck.h>
#include <unistd.h>

#include "runtime/time_zone.hpp"

using namespace reel;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr wall_time at(std::int64_t s) { return wall_time{std::chrono::seconds{s}}; }
wall_time utc(int year, unsigned month, unsigned day, std::chrono::milliseconds time = 0ms) {
  return std::chrono::sys_days{std::chrono::year{year} / static_cast<int>(month) / static_cast<int>(day)} + time;
}

void put(std::string& out, std::int64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

std::string header(int times, int types) {
  std::string h = "TZif2" + std::string(15, '\0');
  for (int count : {0, 0, 0, times, types, 4}) put(h, count, 4);
  return h;
}

/// A zone that had +01:00, from 2000 on +02:00, and afterwards what the footer says.
std::string tzif(const std::string& footer) {
  std::string file = header(0, 1) + std::string(6, '\0') + std::string("XXX", 4);
  file += header(1, 2);
  put(file, 946'684'800, 8);
  put(file, 1, 1);
  for (int offset : {3600, 7200}) {
    put(file, offset, 4);
    put(file, 0, 2);
  }
  return file + std::string("XXX", 4) + '\n' + footer + '\n';
}

/// What the C library makes of it.
std::chrono::seconds libc_offset(const std::string& zone, wall_time t) {
  ::setenv("TZ", (":" + zone).c_str(), 1);
  ::tzset();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm broken{};
  ::localtime_r(&seconds, &broken);
  return std::chrono::seconds{broken.tm_gmtoff};
}

struct zone_file {
  explicit zone_file(const std::string& bytes) {
    const int fd = ::mkstemp(path.data());
    if (fd < 0) throw std::runtime_error{"no temporary file"};
    ::close(fd);
    std::ofstream{path, std::ios::binary} << bytes;
  }
  ~zone_file() { ::unlink(path.c_str()); }
  zone_file(const zone_file&) = delete;
  zone_file& operator=(const zone_file&) = delete;
  std::string path = "/tmp/reel-zone-XXXXXX";
};

void check_against_libc(const time_zone& zone, const std::string& file) {
  REQUIRE(rc::check([&] {
    auto t = at(*rc::gen::inRange<std::int64_t>(0, 4'102'444'800));
    RC_ASSERT(zone.offset_at(t) == libc_offset(file, t));
  }));
  for (auto t = utc(2025, 1, 1); t < utc(2046, 1, 1); t += 1h) REQUIRE(zone.offset_at(t) == libc_offset(file, t));
}

} // namespace

TEST_CASE("the C library reads the same out of the same file, whatever its footer says") {
  std::deque<zone_file> files; // all of them stay: the C library takes a file with another's inode for the same
  for (std::string footer : {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "AEST-10AEDT,M10.1.0,M4.1.0/3",
                             "<+0330>-3:30", "IST-1GMT0,M10.5.0,M3.5.0/1", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
                             "NZST-12NZDT,M9.5.0,M4.1.0/3", "EET-2EEST,M3.4.4/50,M10.4.4/50"}) {
    INFO(footer);
    const auto bytes = tzif(footer);
    check_against_libc(time_zone::parse("Test/Zone", bytes), files.emplace_back(bytes).path);
  }
}

TEST_CASE("the C library agrees about the zones that this system has") {
  const std::filesystem::path folder = "/usr/share/zoneinfo";
  for (std::string name :
       {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia",
        "Africa/Casablanca", "Asia/Gaza", "America/Santiago", "Etc/GMT+12"}) {
    if (!std::filesystem::exists(folder / name)) continue; // the files written above are enough
    INFO(name);
    check_against_libc(time_zone::load(name), name);
  }
}

TEST_CASE("a day ends at local midnight, on the days of a change too") {
  const auto zone = time_zone::parse("Test/Zone", tzif("CET-1CEST,M3.5.0,M10.5.0/3"));
  const auto winter = zone.day_at(utc(2026, 1, 9, 23h)); // the 10th has just begun
  CHECK(winter == calendar_day{20'463, utc(2026, 1, 10, 23h)});
  CHECK(zone.day_at(utc(2026, 1, 9, 23h - 1ms)).number == winter.number - 1);
  CHECK(zone.day_at(utc(2026, 3, 28, 23h)).ends == utc(2026, 3, 29, 22h));   // 23 hours
  CHECK(zone.day_at(utc(2026, 10, 24, 22h)).ends == utc(2026, 10, 25, 23h)); // 25 hours
}

TEST_CASE("where midnight is left out, the day begins an hour later") {
  const auto zone = time_zone::parse("Test/Zone", tzif("<-04>4<-03>,M9.1.6/24,M4.1.6/24")); // Chile
  const auto day = zone.day_at(utc(2026, 9, 5, 20h));
  CHECK(day.ends == utc(2026, 9, 6, 4h));
  CHECK(zone.day_at(day.ends).number == day.number + 1);
}

TEST_CASE("days follow each other without a gap") {
  const auto zone = time_zone::parse("Test/Zone", tzif("NZST-12NZDT,M9.5.0,M4.1.0/3"));
  REQUIRE(rc::check([&] {
    auto t = wall_time{std::chrono::milliseconds{*rc::gen::inRange<std::int64_t>(0, 4'102'444'800'000)}};
    auto day = zone.day_at(t);
    RC_ASSERT(t < day.ends && day.ends - t <= 25h);
    RC_ASSERT(zone.day_at(day.ends - 1ms).number == day.number);
    RC_ASSERT(zone.day_at(day.ends).number == day.number + 1);
  }));
}

TEST_CASE("UTC and fixed offsets need no file") {
  const std::filesystem::path nowhere = "/nonexistent";
  CHECK(time_zone{} == time_zone::load("UTC", nowhere));
  CHECK(time_zone{}.day_at(utc(1970, 1, 2)) == calendar_day{1, utc(1970, 1, 3)});
  CHECK(time_zone::load("+02:00", nowhere).offset_at(at(0)) == 2h);
  CHECK(time_zone::load("-03:30", nowhere).offset_at(at(0)) == -210min);
  CHECK(time_zone::load("+14:00", nowhere).day_at(utc(1970, 1, 1, 10h)).number == 1);
}

TEST_CASE("what is no zone is refused and says what is allowed") {
  for (std::string name : {"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "+2:00", "+14:01", "+02:60",
                           "Europe", "02:00", "+0a:00"}) {
    INFO(name);
    CHECK_THROWS_WITH(time_zone::load(name), ContainsSubstring("allowed are \"UTC\""));
  }
}

TEST_CASE("a damaged file is refused, wherever it was cut and whatever was changed") {
  const auto good = tzif("CET-1CEST,M3.5.0,M10.5.0/3");
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_THROWS_WITH(time_zone::parse("Test/Zone", good.substr(0, size)),
                      ContainsSubstring("'Test/Zone' cannot be used"));
  for (std::string footer :
       {"CET", "CET-1CEST", "CET-1CEST,J60,J300", "CET-1CEST,M13.1.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0/3x", "<CET-1", "CET-168"})
    CHECK_THROWS_WITH(time_zone::parse("Test/Zone", tzif(footer)), ContainsSubstring("TZif 2 or later"));
  REQUIRE(rc::check([&good] { // read or refused, never worse
    auto bytes = good;
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
    try {
      time_zone::parse("Test/Zone", bytes).day_at(utc(2026, 1, 1));
    } catch (const std::runtime_error&) {
    }
  }));
}
