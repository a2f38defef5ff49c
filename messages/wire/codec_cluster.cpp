// codec_cluster.cpp: What nodes say about themselves.
#include "messages/wire/cluster.capnp.h"
#include "messages/wire/codec_impl.hpp"

namespace reel::wire {

static void write(schema::DescribeNodes::Builder, const describe_nodes&, output&) {}
static void read(schema::DescribeNodes::Reader, describe_nodes&, input&) {}

static void write(schema::NodeStatus::Builder b, const node_status& v, output& out) {
  b.setId(name(v.id));
  b.setEpoch(v.epoch.value);
  b.setState(static_cast<schema::PeerState>(v.state));
  write_list(b.initRoles(v.roles.size()), v.roles, out);
  b.setEndpoint(text(v.endpoint));
  b.setSilentMs(v.silent_ms);
  b.setFramesSent(v.frames_sent);
  b.setFramesReceived(v.frames_received);
}
static void read(schema::NodeStatus::Reader r, node_status& v, input& in) {
  v.id = in.name<node_id>(r.getId());
  v.epoch.value = r.getEpoch();
  v.state = in.known<peer_state>(r.getState());
  read_list(r.getRoles(), v.roles, in, small_list_max);
  v.endpoint = in.text(r.getEndpoint(), key_bytes_max);
  v.silent_ms = r.getSilentMs();
  v.frames_sent = r.getFramesSent();
  v.frames_received = r.getFramesReceived();
}

static void write(schema::NodesView::Builder b, const nodes_view& v, output& out) {
  b.setSelf(name(v.self));
  write_list(b.initNodes(v.nodes.size()), v.nodes, out);
}
static void read(schema::NodesView::Reader r, nodes_view& v, input& in) {
  v.self = in.name<node_id>(r.getSelf());
  read_list(r.getNodes(), v.nodes, in, list_max);
}

// ---------------------------------------------------------------- the audit log

static void write(schema::ReadHistory::Builder b, const read_history& v, output& out) {
  b.setPart(static_cast<schema::HistoryPart>(v.part));
  write(b.initJob(), v.job, out);
  b.setAfter(text(v.after));
  b.setPositionMax(v.position_max);
  b.setLinesMax(v.lines_max);
}
static void read(schema::ReadHistory::Reader r, read_history& v, input& in) {
  v.part = in.known<history_part>(r.getPart());
  read(r.getJob(), v.job, in);
  v.after = in.text(r.getAfter(), key_bytes_max);
  v.position_max = r.getPositionMax();
  v.lines_max = r.getLinesMax();
}

static void write(schema::HistoryLine::Builder b, const history_line& v, output&) {
  b.setPosition(v.position);
  b.setText(text(v.text));
}
static void read(schema::HistoryLine::Reader r, history_line& v, input& in) {
  v.position = r.getPosition();
  v.text = in.text(r.getText(), history_line_bytes_max);
}

static void write(schema::HistoryPage::Builder b, const history_page& v, output& out) {
  write_list(b.initLines(v.lines.size()), v.lines, out);
  b.setNext(text(v.next));
  b.setPositionMax(v.position_max);
  b.setClock(text(v.clock));
}
static void read(schema::HistoryPage::Reader r, history_page& v, input& in) {
  read_list(r.getLines(), v.lines, in, history_lines_max);
  v.next = in.text(r.getNext(), key_bytes_max);
  v.position_max = r.getPositionMax();
  v.clock = in.text(r.getClock(), key_bytes_max);
}

// ---------------------------------------------------------------- what happens to the cluster

static void write(schema::ClusterNote::Builder b, const cluster_note& v, output& out) {
  b.setKind(static_cast<schema::NoteKind>(v.kind));
  b.setState(static_cast<schema::NoteState>(v.state));
  b.setSubject(note(v.subject, out));
  b.setDevice(note(v.device, out));
  write(b.initJob(), v.job, out);
  b.setFence(v.fence);
}
static void read(schema::ClusterNote::Reader r, cluster_note& v, input& in) {
  v.kind = in.known<note_kind>(r.getKind());
  v.state = in.known<note_state>(r.getState());
  v.subject = in.note(r.getSubject());
  v.device = in.note(r.getDevice());
  read(r.getJob(), v.job, in);
  v.fence = r.getFence();
}

static void write(schema::NoteCluster::Builder b, const note_cluster& v, output& out) {
  b.setTerm(v.term);
  write_list(b.initNotes(v.notes.size()), v.notes, out);
}
static void read(schema::NoteCluster::Reader r, note_cluster& v, input& in) {
  v.term = r.getTerm();
  read_list(r.getNotes(), v.notes, in, notes_max);
}

REEL_CLUSTER_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
