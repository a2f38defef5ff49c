// The audit log of a cluster, or of a ledger file that no process has open, in the lines that reel-check reads.
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <sodium.h>

#include "actors/gateway/auth/tenants.hpp"
#include "actors/storage/object_place.hpp"
#include "actors/storage/sqlite/history_reader.hpp"
#include "actors/storage/sqlite/schema.hpp"
#include "src/reelctl/history_pages.hpp"
#include "src/reelctl/job_words.hpp"

namespace reel::ctl {

namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

page_source pages_of_file(const std::string& file) {
  if (!fs::exists(file)) throw std::runtime_error{file + ": there is no such file"};
  sqlite::check_ledger_file(file);
  auto db = std::make_shared<sqlite::connection>(file, sqlite::connection_options{.read_only = true});
  if (const auto version = db->number("PRAGMA user_version"); version < sqlite::schema_version)
    throw std::runtime_error{fmt::format(
        "{}: was written by an older version (schema {}): a node of this version has to open it first", file, version)};
  auto reader = std::make_shared<sqlite::history_reader>(*db);
  return [db, reader, file](const read_history& m) {
    auto page = reader->run(m);
    if (!page) throw std::runtime_error{file + ": " + std::string{to_string(page.error())}};
    return *std::move(page);
  };
}

/// One file of a history: its first line, its lines, and the last that counts them.
class history_file {
public:
  history_file(std::ostream& out, std::string_view observer, const std::string& clock) : out_{out} {
    // The lines of a ledger and of clients on one machine have one clock.
    add(json::serialize(json::object{{"op", "history"}, {"format", 1}, {"observer", observer}, {"clock", clock}}));
  }
  void add(std::string_view line) {
    out_ << line << '\n';
    ++lines_;
  }
  void close() {
    add(fmt::format("{{\"op\":\"close\",\"lines\":{}}}", lines_ + 1));
    if (!out_.flush()) throw std::runtime_error{"the history cannot be written"};
  }

private:
  std::ostream& out_;
  std::uint64_t lines_ = 0;
};

/// Brings lines into the order of their positions: on disk, because there may be millions.
class sorted_lines {
public:
  void add(const history_line& line) { insert_.execute(line.position, std::string_view{line.text}); }
  void copy_to(history_file& out) {
    sqlite::statement all{db_, "SELECT text FROM line ORDER BY position"};
    for (auto row = all.query(); row.next();) out.add(row.text(0));
  }

private:
  static sqlite::connection& ready(sqlite::connection& db) {
    db.run("PRAGMA journal_mode=OFF; CREATE TABLE line(position INTEGER PRIMARY KEY, text TEXT); BEGIN");
    return db;
  }
  sqlite::connection db_{"", {}}; // no name: a temporary file, gone with the connection
  sqlite::statement insert_{ready(db_), "INSERT INTO line VALUES(?1, ?2)"};
};

/// What a tenant may have running; what it may do a day is given back when a job fails, so it is no bound on lines.
void add_limits(const cluster_config& c, history_file& out) {
  if (!fs::exists(c.gateway.tenants_file)) return;
  const auto tenants = tenant_directory::load(c.gateway.tenants_file);
  for (const auto& t : tenants.tenants())
    if (const auto most = t.quota.all.running_jobs_max)
      out.add(json::serialize(json::object{
          {"op", "limits"}, {"mono_ns", 0}, {"position", 0}, {"tenant", t.id.value}, {"running_max", *most}}));
}

read_history write_ledger(const page_source& pages, const read_history& asked, const cluster_config* c,
                          std::ostream& to) {
  sorted_lines lines;
  const auto take = [&lines](const history_line& line) { lines.add(line); };
  const auto page = read_part(pages, history_part::events, asked, take);
  auto same = asked;
  same.position_max = page.position_max;
  if (asked.job.is_nil()) read_part(pages, history_part::leaders, same, take);
  read_part(pages, history_part::notes, same, take);
  history_file out{to, "ledger", page.clock};
  if (c) add_limits(*c, out);
  lines.copy_to(out);
  out.close();
  return same;
}

std::string sha256_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  std::vector<char> part(1u << 20);
  while (in.read(part.data(), static_cast<std::streamsize>(part.size())), in.gcount() > 0)
    crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(part.data()),
                              static_cast<unsigned long long>(in.gcount()));
  if (!in.eof()) throw std::runtime_error{file.string() + ": cannot be read"};
  sha256_digest sum;
  crypto_hash_sha256_final(&state, sum.bytes.data());
  return to_string(sum);
}

/// The bytes are hashed again: names only say what they should be. Only videos: what a commit names.
void add_objects(const fs::path& root, const job_id& job, history_file& out) {
  for (const auto& entry : fs::recursive_directory_iterator{root}) {
    const auto key = key_at({entry.path().parent_path().filename().string(), entry.path().filename().string()});
    const auto parts = key ? parse_object_key(*key) : std::nullopt;
    if (!parts || parts->kind != artifact::video || !(job.is_nil() || parts->job == job)) continue;
    out.add(json::serialize(json::object{{"op", "object"},
                                         {"job", to_string(parts->job)},
                                         {"gen", parts->generation},
                                         {"fence", parts->fence},
                                         {"result_key", *key},
                                         {"result_sha", sha256_of(entry.path())}}));
  }
}

void write_final(const page_source& pages, const read_history& asked, const std::string& objects_dir,
                 std::ostream& to) {
  const auto now = pages(asked); // for its clock
  history_file out{to, "final", now.clock};
  const auto take = [&out](const history_line& line) { out.add(line.text); };
  read_part(pages, history_part::jobs, asked, take);
  if (asked.job.is_nil()) read_part(pages, history_part::tenants, asked, take);
  if (fs::is_directory(objects_dir)) add_objects(objects_dir, asked.job, out);
  out.close();
}

std::ofstream open(const fs::path& file) {
  std::ofstream out{file, std::ios::trunc};
  if (!out) throw std::runtime_error{file.string() + ": cannot be written"};
  return out;
}

} // namespace

int history(const cluster_options& c, const history_options& o) {
  read_history asked;
  if (!o.job.empty()) asked.job = parse_job(o.job);
  std::optional<cluster_config> config;
  if (o.ledger_file.empty()) config = read_cluster_config(c.config, c.data_dir);
  const auto pages = config ? pages_of_cluster(c) : pages_of_file(o.ledger_file);
  if (o.out.empty()) {
    write_ledger(pages, asked, config ? &*config : nullptr, std::cout);
    return 0;
  }
  fs::create_directories(o.out);
  auto ledger_file = open(fs::path{o.out} / "ledger.jsonl"), final_file = open(fs::path{o.out} / "final.jsonl");
  const auto written = write_ledger(pages, asked, config ? &*config : nullptr, ledger_file);
  auto objects = o.objects_dir;
  if (objects.empty() && config) objects = config->storage.objects_dir;
  write_final(pages, written, objects, final_file);
  return 0;
}

} // namespace reel::ctl
