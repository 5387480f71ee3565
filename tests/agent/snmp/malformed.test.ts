// Whatever arrives, the decoder ends at once with a message or a coded error.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeMessage,
  decodeScopedPdu,
  encodeCommunityMessage,
  type SnmpMessage,
} from '../../../agent/snmp/message.ts';
import { oidOf } from '../../../agent/snmp/oid.ts';
import { PDU } from '../../../agent/snmp/pdu.ts';
import { CommunitySecurity } from '../../../agent/snmp/security.ts';
import type { Varbinds } from '../../../agent/snmp/varbinds.ts';
import { valueAt } from '../../../agent/snmp/value.ts';
import { WeirError } from '../../../common/runtime/errors.ts';
import { CORPUS, describeWith } from '../../support/requirements.ts';

/** Decodes and reads every value; true where the message was taken. Anything thrown but snmp_malformed fails the test. */
function swallow(bytes: Uint8Array): boolean {
  let message: SnmpMessage;
  try {
    message = decodeMessage(bytes);
    if (message.version === 3) {
      if ((message.flags & 2) === 0) touch(decodeScopedPdu(message.scoped).pdu.varbinds);
    } else touch(message.pdu.varbinds);
  } catch (error) {
    if (error instanceof WeirError && error.code === 'snmp_malformed') return false;
    throw error;
  }
  new CommunitySecurity(1, 'public').open(message);
  return true;
}

function touch(varbinds: Varbinds): void {
  for (let at = 0; at < varbinds.count; at += 1) {
    varbinds.oidText(at);
    varbinds.number(at);
    varbinds.counter(at);
    valueAt(varbinds, at, 'value');
    valueAt(varbinds, at, 'address');
  }
}

const REQUEST = encodeCommunityMessage(1, Buffer.from('public'), {
  type: PDU.getBulk,
  requestId: 77,
  oids: ['1.3.6.1.2.1.2.2.1.10', '1.3.6.1.2.1.31.1.1.1.6'].map(oidOf),
  nonRepeaters: 0,
  maxRepetitions: 10,
});

describe('any bytes', () => {
  test('random bytes are refused or read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void swallow(bytes)),
      { numRuns: 2000 },
    );
  });

  test('a valid message with any bytes changed or cut is refused or read', () => {
    const changes = fc.array(fc.tuple(fc.nat(REQUEST.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.nat(REQUEST.length), (edits, length) => {
        const bytes = Uint8Array.from(REQUEST);
        for (const [at, value] of edits) bytes[at] = value;
        swallow(bytes.subarray(0, length));
        swallow(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test('the message itself is read', () => {
    expect(swallow(REQUEST)).toBe(true);
  });

  test('more than a datagram is refused', () => {
    expect(swallow(new Uint8Array(70_000))).toBe(false);
  });

  test('nested sequences without end do not recurse', () => {
    expect(swallow(Uint8Array.from({ length: 60_000 }, (_, at) => (at % 2 === 0 ? 0x30 : 0x80)))).toBe(false);
  });
});

interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly hex: string;
  readonly upstream_expect: string;
  readonly netsnmp593_snmp_parse: string;
}

function vectors(): Vector[] {
  const lines = readFileSync(path.join(CORPUS, 'malformed/vectors.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Vector);
}

describeWith('corpus', 'the corpus of malformed messages', () => {
  test.for(['req-app', 'trap-app'])('PROTOS %s: every payload ends in a message or a coded error', (name) => {
    const folder = path.join(CORPUS, 'malformed/protos');
    const packed = gunzipSync(readFileSync(path.join(folder, `${name}.payloads.gz`)));
    const verdicts = readFileSync(path.join(folder, `${name}.netsnmp-verdict.txt`), 'utf8').trim();
    let taken = 0;
    let takenWhatLibraryRefuses = 0;
    let payloads = 0;
    for (let at = 0; at < packed.length; ) {
      const length = packed.readUInt32BE(at);
      if (swallow(packed.subarray(at + 4, at + 4 + length))) {
        taken += 1;
        if (verdicts[payloads] === 'R') takenWhatLibraryRefuses += 1;
      }
      payloads += 1;
      at += 4 + length;
    }
    expect(payloads).toBe(verdicts.length);
    expect(taken).toBeGreaterThan(100);
    expect(takenWhatLibraryRefuses).toBe(0);
  });

  test('PROTOS first fragments', () => {
    for (const name of ['req-app', 'trap-app']) {
      const packed = gunzipSync(readFileSync(path.join(CORPUS, `malformed/protos/${name}.firstfragment.gz`)));
      for (let at = 0; at + 4 <= packed.length; ) {
        const length = packed.readUInt32BE(at);
        swallow(packed.subarray(at + 4, at + 4 + length));
        at += 4 + length;
      }
    }
  });

  test('vectors: what is known to be wrong is refused, what is known to be right is read', () => {
    const wrong: string[] = [];
    for (const vector of vectors()) {
      const taken = swallow(Buffer.from(vector.hex, 'hex'));
      const agreed = vector.upstream_expect === vector.netsnmp593_snmp_parse.replace(/\(.*/, '');
      if (vector.kind !== 'message' || !agreed) continue;
      if (taken !== (vector.upstream_expect === 'accept')) wrong.push(`${vector.id} ${taken ? 'taken' : 'refused'}`);
    }
    expect(wrong).toEqual([]);
  });
});
