// codec_objects.cpp: Messages to and from the object store: the ones with blobs.
#include "messages/wire/codec_impl.hpp"

namespace reel::wire {

/// Gives the blob the next place beside the body. An empty one needs none: the pointer stays null.
template <class Builder> static void write_data(Builder b, const blob& data, output& out) {
  if (data.empty()) return;
  auto attachment = b.initData();
  attachment.setIndex(out.attachments.size());
  attachment.setSizeBytes(data.size());
  out.attachments.push_back(data);
}

template <class Reader> static void read_data(Reader r, blob& data, input& in) {
  if (!r.hasData()) return;
  data = in.attachment(r.getData().getIndex());
  in.require(data.size() == r.getData().getSizeBytes());
}

static void write(schema::ObjectWrite::Builder b, const object_write& v, output& out) {
  b.setKey(text(v.key));
  write(b.initSha256(), v.sha256, out);
  write_data(b, v.data, out);
}
static void read(schema::ObjectWrite::Reader r, object_write& v, input& in) {
  v.key = in.text(r.getKey(), key_bytes_max);
  read(r.getSha256(), v.sha256, in);
  read_data(r, v.data, in);
}

static void write(schema::PutObjects::Builder b, const put_objects& v, output& out) {
  write_list(b.initObjects(v.objects.size()), v.objects, out);
}
static void read(schema::PutObjects::Reader r, put_objects& v, input& in) {
  read_list(r.getObjects(), v.objects, in, objects_max);
}

static void write(schema::PutAnswer::Builder b, const put_answer& v, output& out) {
  write_list(b.initCodes(v.codes.size()), v.codes, out);
}
static void read(schema::PutAnswer::Reader r, put_answer& v, input& in) {
  read_list(r.getCodes(), v.codes, in, objects_max);
}

static void write(schema::ReadObject::Builder b, const read_object& v, output&) {
  b.setKey(text(v.key));
  b.setOffset(v.offset);
  b.setLengthMax(v.length_max);
}
static void read(schema::ReadObject::Reader r, read_object& v, input& in) {
  v.key = in.text(r.getKey(), key_bytes_max);
  v.offset = r.getOffset();
  v.length_max = r.getLengthMax();
}

static void write(schema::ObjectSlice::Builder b, const object_slice& v, output& out) {
  b.setObjectBytes(v.object_bytes);
  write_data(b, v.data, out);
}
static void read(schema::ObjectSlice::Reader r, object_slice& v, input& in) {
  v.object_bytes = r.getObjectBytes();
  read_data(r, v.data, in);
}

static void write(schema::DeleteObjects::Builder b, const delete_objects& v, output& out) {
  write_list(b.initKeys(v.keys.size()), v.keys, out);
  write_list(b.initKept(v.kept.size()), v.kept, out);
}
static void read(schema::DeleteObjects::Reader r, delete_objects& v, input& in) {
  read_list(r.getKeys(), v.keys, in, list_max);
  read_list(r.getKept(), v.kept, in, batch_jobs_max);
}

REEL_OBJECT_MESSAGES(REEL_WIRE_CODEC)

} // namespace reel::wire
