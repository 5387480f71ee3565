// Answers a request of SNMPv1 or SNMPv2c from a view of objects, as RFC 1157 and RFC 3416 say, within the size of a message.
import { type Oid, oidContents, PDU, readRequest, readSettings, type Request, TAG } from './ber.ts';
import { type MibView, NOWHERE, type Place } from './mib-view.ts';
import type { ResponseWriter } from './response-writer.ts';
import type { Instant } from './truth.ts';

const ERROR = { tooBig: 1, noSuchName: 2, badValue: 3, wrongType: 7, wrongValue: 10, notWritable: 17 } as const;
const NO_SUFFIX = new Uint8Array(0);

export interface ResponderOptions {
  readonly community: string;
  /** May read too, and set what can be set; null: nothing is. */
  readonly writeCommunity: string | null;
  readonly maxBytes: number;
}

/** The answer, or null where a real agent stays silent: no request, or a wrong community. */
export function respond(
  view: MibView,
  instant: Instant,
  datagram: Buffer,
  options: ResponderOptions,
  out: ResponseWriter,
): Buffer | null {
  const request = readRequest(datagram);
  if (request === null) return null;
  const mayWrite = options.writeCommunity !== null && request.community === options.writeCommunity;
  if (!mayWrite && request.community !== options.community) return null;
  out.begin(request.community, options.maxBytes);
  switch (request.type) {
    case PDU.get:
    case PDU.getNext:
      return answerEach(view, instant, request, out);
    case PDU.getBulk:
      return request.version === 0 ? null : answerBulk(view, instant, request, out);
    case PDU.set:
      // RFC 3584 §4.3: what v2 calls not writable, v1 calls no such name.
      if (!mayWrite) return refuse(request, request.version === 0 ? ERROR.noSuchName : ERROR.notWritable, 1, out);
      return set(view, request, out);
    default:
      return null;
  }
}

/** All of it or nothing (RFC 3416 §4.2.5). */
function set(view: MibView, request: Request, out: ResponseWriter): Buffer {
  const settings: (() => void)[] = [];
  const v1 = request.version === 0;
  for (const [at, { oid, value }] of readSettings(request.varbinds).entries()) {
    const place = view.find(oid);
    const setting = place === NOWHERE ? 'not_writable' : value === null ? 'wrong_type' : view.setting(place, value);
    if (setting === 'not_writable') return refuse(request, v1 ? ERROR.noSuchName : ERROR.notWritable, at + 1, out);
    if (setting === 'wrong_type') return refuse(request, v1 ? ERROR.badValue : ERROR.wrongType, at + 1, out);
    if (setting === 'wrong_value') return refuse(request, v1 ? ERROR.badValue : ERROR.wrongValue, at + 1, out);
    settings.push(setting);
  }
  for (const apply of settings) apply();
  out.repeat(request.varbinds);
  return out.finish(request, 0, 0);
}

/** An answer with an error repeats the varbinds of the request (RFC 1157 §4.1.2, RFC 3416 §4.2). */
function refuse(request: Request, errorStatus: number, errorIndex: number, out: ResponseWriter): Buffer {
  out.repeat(request.varbinds);
  return out.finish(request, errorStatus, errorIndex);
}

function tooBig(request: Request, out: ResponseWriter): Buffer {
  out.repeat(request.version === 0 ? request.varbinds : NO_SUFFIX);
  return out.finish(request, ERROR.tooBig, 0);
}

function answerEach(view: MibView, instant: Instant, request: Request, out: ResponseWriter): Buffer {
  const walking = request.type === PDU.getNext;
  for (const [at, oid] of request.oids.entries()) {
    const place = locate(view, oid, walking, request.version);
    if (place === NOWHERE && request.version === 0) return refuse(request, ERROR.noSuchName, at + 1, out);
    const written =
      place === NOWHERE ? writeMissing(oid, missingTag(view, oid, walking), out) : view.write(place, instant, out);
    if (!written) return tooBig(request, out);
  }
  return out.finish(request, 0, 0);
}

function locate(view: MibView, oid: Oid, walking: boolean, version: 0 | 1): Place {
  if (walking) return version === 0 ? view.afterWide(view.next(oid)) : view.next(oid);
  const place = view.find(oid);
  return version === 0 && view.isWide(place) ? NOWHERE : place;
}

function missingTag(view: MibView, oid: Oid, walking: boolean): number {
  if (walking) return TAG.endOfMibView;
  return view.knows(oid) ? TAG.noSuchInstance : TAG.noSuchObject;
}

function writeMissing(oid: Oid, tag: number, out: ResponseWriter): boolean {
  out.empty(tag);
  return out.varbind(oidContents(oid), NO_SUFFIX);
}

/** RFC 3416 §4.2.3: fills the message, and ends where it is full; tooBig only where not even one varbind fits. */
function answerBulk(view: MibView, instant: Instant, request: Request, out: ResponseWriter): Buffer {
  const first = Math.min(request.nonRepeaters, request.oids.length);
  const full = (): Buffer => (out.count === 0 ? tooBig(request, out) : out.finish(request, 0, 0));
  for (let at = 0; at < first; at += 1) {
    const oid = request.oids[at] ?? [];
    const place = view.next(oid);
    if (!(place === NOWHERE ? writeMissing(oid, TAG.endOfMibView, out) : view.write(place, instant, out)))
      return full();
  }
  const repeated = request.oids.slice(first);
  const places = repeated.map((oid) => view.next(oid));
  /** The last cell of a column that has ended, under whose name the end is told. */
  const lasts: Place[] = repeated.map(() => NOWHERE);
  for (let turn = 0; turn < request.maxRepetitions && places.length > 0; turn += 1) {
    let ended = true;
    for (const [at, place] of places.entries()) {
      if (place === NOWHERE) {
        const last = lasts[at] ?? NOWHERE;
        const oid = repeated[at] ?? [];
        const written =
          last === NOWHERE ? writeMissing(oid, TAG.endOfMibView, out) : view.writeEnd(last, TAG.endOfMibView, out);
        if (!written) return full();
        continue;
      }
      if (!view.write(place, instant, out)) return full();
      ended = false;
      lasts[at] = place;
      places[at] = view.after(place);
    }
    if (ended) break;
  }
  return out.finish(request, 0, 0);
}
