// codec_operators.cpp: What operators order and ask.
#include "messages/wire/codec_impl.hpp"
#include "messages/wire/operators.capnp.h"

namespace reel::wire {

static constexpr std::size_t who_bytes_max = 128;
static constexpr std::size_t states_max = 16;

static void write(schema::Operate::Builder b, const operate& v, output& out) {
  b.setKind(static_cast<schema::ActionKind>(v.kind));
  b.setSubject(note(v.subject, out));
  b.setValue(note(v.value, out));
  b.setWhy(note(v.why, out));
}
static void read(schema::Operate::Reader r, operate& v, input& in) {
  v.kind = in.known<action_kind>(r.getKind());
  v.subject = in.note(r.getSubject());
  v.value = in.note(r.getValue());
  v.why = in.note(r.getWhy());
}

static void write(schema::OperateAnswer::Builder b, const operate_answer& v, output& out) {
  b.setCode(number(v.code));
  b.setText(note(v.text, out));
}
static void read(schema::OperateAnswer::Reader r, operate_answer& v, input& in) {
  v.code = in.code(r.getCode());
  v.text = in.note(r.getText());
}

static void write(schema::AuditEntry::Builder b, const audit_entry& v, output& out) {
  b.setNumber(v.number);
  b.setAtMs(unix_ms(v.at));
  b.setWho(text(v.who));
  write(b.initWhat(), v.what, out);
  b.setHasEnded(v.ended.has_value());
  b.setEnded(number(v.ended.value_or(errc::ok)));
}
static void read(schema::AuditEntry::Reader r, audit_entry& v, input& in) {
  v.number = r.getNumber();
  v.at = in.time(r.getAtMs());
  v.who = in.text(r.getWho(), who_bytes_max);
  read(r.getWhat(), v.what, in);
  if (r.getHasEnded()) v.ended = in.code(r.getEnded());
}

static void write(schema::NoteAction::Builder b, const note_action& v, output& out) {
  b.setNumber(v.number);
  b.setWho(text(v.who));
  write(b.initWhat(), v.what, out);
  b.setEnded(number(v.ended));
}
static void read(schema::NoteAction::Reader r, note_action& v, input& in) {
  v.number = r.getNumber();
  v.who = in.text(r.getWho(), who_bytes_max);
  read(r.getWhat(), v.what, in);
  v.ended = in.code(r.getEnded());
}

static void write(schema::ActionNoted::Builder b, const action_noted& v, output&) { b.setNumber(v.number); }
static void read(schema::ActionNoted::Reader r, action_noted& v, input&) { v.number = r.getNumber(); }

static void write(schema::ReadAudit::Builder b, const read_audit& v, output&) {
  b.setBefore(v.before);
  b.setWho(text(v.who));
  b.setLimit(v.limit);
}
static void read(schema::ReadAudit::Reader r, read_audit& v, input& in) {
  v.before = r.getBefore();
  v.who = in.text(r.getWho(), who_bytes_max);
  v.limit = r.getLimit();
}

static void write(schema::AuditPage::Builder b, const audit_page& v, output& out) {
  write_list(b.initEntries(v.entries.size()), v.entries, out);
  b.setHasMore(v.has_more);
}
static void read(schema::AuditPage::Reader r, audit_page& v, input& in) {
  read_list(r.getEntries(), v.entries, in, job_page_max);
  v.has_more = r.getHasMore();
}

static void write(schema::FindJobs::Builder b, const find_jobs& v, output& out) {
  auto states = b.initStates(v.states.size());
  for (std::size_t i = 0; i < v.states.size(); ++i) states.set(i, static_cast<std::uint8_t>(v.states[i]));
  b.setTenant(name(v.tenant));
  b.setAnyClass(!v.cls.has_value());
  if (v.cls) b.setCls(static_cast<schema::JobClass>(*v.cls));
  b.setModel(name(v.model));
  write(b.initBatch(), v.batch, out);
  write_time(b.getMadeFrom(), v.made_from);
  write_time(b.getMadeTo(), v.made_to);
  if (v.after) write(b.initAfter(), *v.after, out);
  b.setLimit(v.limit);
}
static void read(schema::FindJobs::Reader r, find_jobs& v, input& in) {
  auto states = r.getStates();
  in.require(states.size() <= states_max);
  for (auto state : states) v.states.push_back(in.known<job_state>(state));
  v.tenant = in.name<tenant_id>(r.getTenant());
  if (!r.getAnyClass()) v.cls = in.known<job_class>(r.getCls());
  v.model = in.name<model_id>(r.getModel());
  read(r.getBatch(), v.batch, in);
  v.made_from = read_time(r.getMadeFrom(), in);
  v.made_to = read_time(r.getMadeTo(), in);
  if (r.hasAfter()) read(r.getAfter(), v.after.emplace(), in);
  v.limit = r.getLimit();
}

static void write(schema::FoundJobs::Builder b, const found_jobs& v, output& out) {
  write_list(b.initJobs(v.jobs.size()), v.jobs, out);
  if (v.next) write(b.initNext(), *v.next, out);
}
static void read(schema::FoundJobs::Reader r, found_jobs& v, input& in) {
  read_list(r.getJobs(), v.jobs, in, job_page_max);
  if (r.hasNext()) read(r.getNext(), v.next.emplace(), in);
}

REEL_OPERATOR_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
