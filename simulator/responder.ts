// Answers an SNMP request of v1 or v2c from a view of objects, as RFC 1157 and RFC 3416 say, within the size of a datagram.
import {
  encodeResponse,
  encodeVarbind,
  encodeOid,
  exception,
  type Oid,
  PDU,
  readRequest,
  type Request,
  TAG,
} from './ber.ts';
import type { MibView, Place } from './mib-view.ts';
import type { Instant } from './truth.ts';

const ERROR = { tooBig: 1, noSuchName: 2, notWritable: 17, readOnly: 4 } as const;
/** Room for the headers around the varbinds. */
const OVERHEAD_BYTES = 80;

export interface ResponderOptions {
  readonly community: string;
  readonly maxBytes: number;
}

/** The answer, or null where a real agent stays silent: garbage, a wrong community. */
export function respond(view: MibView, instant: Instant, datagram: Buffer, options: ResponderOptions): Buffer | null {
  const request = readRequest(datagram);
  if (request === null || request.community !== options.community) return null;
  switch (request.type) {
    case PDU.get:
      return answerEach(request, options, (oid) => view.find(oid), view, instant, false);
    case PDU.getNext:
      return answerEach(request, options, (oid) => view.next(oid), view, instant, true);
    case PDU.getBulk:
      return request.version === 0 ? null : answerBulk(request, options, view, instant);
    case PDU.set:
      return encodeResponse(request, request.version === 0 ? ERROR.readOnly : ERROR.notWritable, 1, echo(request));
    default:
      return null;
  }
}

function echo(request: Request): Buffer[] {
  return request.oids.map((oid) => encodeVarbind(encodeOid(oid), exception(TAG.null)));
}

/** A place with a value at this instant: cells that a device does not have are stepped over. */
function settle(
  view: MibView,
  instant: Instant,
  from: Place | null,
  walking: boolean,
): { place: Place; bytes: Buffer } | null {
  for (let place = from; place !== null; place = walking ? view.after(place) : null) {
    const value = view.value(place, instant);
    if (value !== null) return { place, bytes: encodeVarbind(view.name(place), value) };
  }
  return null;
}

function answerEach(
  request: Request,
  options: ResponderOptions,
  locate: (oid: Oid) => Place | null,
  view: MibView,
  instant: Instant,
  walking: boolean,
): Buffer {
  const varbinds: Buffer[] = [];
  for (const [at, oid] of request.oids.entries()) {
    const found = settle(view, instant, locate(oid), walking);
    if (found === null && request.version === 0)
      return encodeResponse(request, ERROR.noSuchName, at + 1, echo(request));
    varbinds.push(
      found?.bytes ?? encodeVarbind(encodeOid(oid), exception(walking ? TAG.endOfMibView : TAG.noSuchObject)),
    );
  }
  const size = varbinds.reduce((sum, bytes) => sum + bytes.length, OVERHEAD_BYTES);
  return size > options.maxBytes
    ? encodeResponse(request, ERROR.tooBig, 0, request.version === 0 ? echo(request) : [])
    : encodeResponse(request, 0, 0, varbinds);
}

/** RFC 3416 §4.2.3: fills the message, and ends where it is full. */
function answerBulk(request: Request, options: ResponderOptions, view: MibView, instant: Instant): Buffer {
  const varbinds: Buffer[] = [];
  let size = OVERHEAD_BYTES;
  const add = (bytes: Buffer): boolean => {
    size += bytes.length;
    if (size > options.maxBytes) return false;
    varbinds.push(bytes);
    return true;
  };
  const ended = (oid: Buffer): Buffer => encodeVarbind(oid, exception(TAG.endOfMibView));
  const single = request.oids.slice(0, request.first);
  for (const oid of single) {
    const found = settle(view, instant, view.next(oid), true);
    if (!add(found?.bytes ?? ended(encodeOid(oid)))) return encodeResponse(request, ERROR.tooBig, 0, []);
  }
  let heads = request.oids.slice(request.first).map((oid) => ({ name: encodeOid(oid), next: view.next(oid) }));
  for (let turn = 0; turn < request.second && heads.length > 0; turn += 1) {
    let live = false;
    const moved: typeof heads = [];
    for (const head of heads) {
      const found = settle(view, instant, head.next, true);
      live ||= found !== null;
      if (!add(found?.bytes ?? ended(head.name))) {
        if (varbinds.length === 0) return encodeResponse(request, ERROR.tooBig, 0, []);
        return encodeResponse(request, 0, 0, varbinds);
      }
      moved.push(
        found === null
          ? { name: head.name, next: null }
          : { name: view.name(found.place), next: view.after(found.place) },
      );
    }
    heads = moved;
    if (!live) break;
  }
  return encodeResponse(request, 0, 0, varbinds);
}
