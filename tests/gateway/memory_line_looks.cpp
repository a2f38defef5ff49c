// The part of the line's twin that is looked at. A second passes when a test says so.
#include "tests/gateway/memory_line.hpp"

namespace reel {

void memory_line::story(read_job m, line_reply<job_story> reply) {
  outcome<job_story, errc> answer{failed{errc::not_found}};
  {
    std::lock_guard lock{mutex_};
    if (auto* r = find(m.tenant, m.id)) {
      job_story s{{r->record, {}}, {{.at = r->record.request.created_at}}, {}};
      if (!is_terminal(r->record.state)) s.why = explanation{.why = wait_reason::turn, .position = 3};
      s.events.push_back({.version = 2, .kind = event_kind::granted, .to = job_state::leased, .worker = {"gpu-1/0"}});
      answer = std::move(s);
    }
  }
  give(std::move(reply), std::move(answer));
}

line::watch_id memory_line::watch_line(look_handler<line_overview> on_look) {
  watch_id id;
  {
    std::lock_guard lock{mutex_};
    id = ++last_watch_;
    line_looks_.emplace(id, std::move(on_look));
  }
  look();
  return id;
}

line::watch_id memory_line::watch_jobs(tenant_id whose, look_handler<view_page> on_look) {
  watch_id id;
  {
    std::lock_guard lock{mutex_};
    id = ++last_watch_;
    jobs_looks_.emplace(id, std::pair{std::move(whose), std::move(on_look)});
  }
  look();
  return id;
}

void memory_line::look() {
  std::map<watch_id, look_handler<line_overview>> line_looks;
  std::map<watch_id, std::pair<tenant_id, look_handler<view_page>>> jobs_looks;
  line_overview seen;
  errc failing;
  {
    std::lock_guard lock{mutex_};
    if (swallow_) return;
    std::tie(line_looks, jobs_looks, seen, failing) = std::tie(line_looks_, jobs_looks_, overview_, failing_);
  }
  for (const auto& [id, on_look] : line_looks) {
    outcome<std::shared_ptr<const line_overview>, errc> l{std::make_shared<const line_overview>(seen)};
    if (failing != errc::ok) l = failed{failing};
    post([on_look, l] { on_look(l); });
  }
  for (const auto& [id, who] : jobs_looks)
    list({.tenant = who.first}, [on_look = who.second](outcome<view_page, errc> page) {
      if (page)
        on_look(std::make_shared<const view_page>(std::move(*page)));
      else
        on_look(failed{page.error()});
    });
}

std::size_t memory_line::looks() const {
  std::lock_guard lock{mutex_};
  return line_looks_.size() + jobs_looks_.size();
}

} // namespace reel
