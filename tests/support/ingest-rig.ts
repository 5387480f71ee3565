// The two addresses of ingest on a real server and a real journal, with everything else a double: what happens to bodies on sockets.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AgentStates } from '../../collector/ingest/agent-states.ts';
import { AppliedMarks } from '../../collector/ingest/applied-marks.ts';
import { BatchIngest } from '../../collector/ingest/batch-ingest.ts';
import { BodyEncodings, type Unpackers, unpackersOf } from '../../collector/ingest/body-encoding.ts';
import { CutOff } from '../../collector/ingest/cut-off.ts';
import { InFlight, type InFlightLimits } from '../../collector/ingest/in-flight.ts';
import { addIngestRoutes } from '../../collector/ingest/ingest-routes.ts';
import { PointIngest } from '../../collector/ingest/point-ingest.ts';
import { addPointRoutes } from '../../collector/ingest/point-routes.ts';
import { StreamTable } from '../../collector/ingest/streams.ts';
import { Superseded } from '../../collector/ingest/superseded.ts';
import { BatchJournal } from '../../collector/journal/batch-journal.ts';
import type { Database } from '../../common/database/database.ts';
import { createServer, listen } from '../../common/http/server.ts';
import { openJournal } from '../../common/journal/lmdb-journal.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { WeirError } from '../../common/runtime/errors.ts';
import { silentReporter } from './silent-reporter.ts';

export interface IngestRigOptions {
  readonly limits?: Partial<InFlightLimits>;
  readonly maxBatchBytes?: number;
  readonly requestTimeoutMs?: number;
  readonly unpackers?: Unpackers;
  /** Instead of a folder of its own. */
  readonly journalFolder?: string;
}

export interface RigAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly code: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface IngestRig {
  readonly port: number;
  readonly journal: BatchJournal;
  readonly metric: (line: string) => Promise<number | null>;
  /** The agent agent-1 sends a body as it is, under the SHA-256 of `batch`. */
  readonly post: (batch: Uint8Array, more?: Readonly<Record<string, string>>, sent?: Uint8Array) => Promise<RigAnswer>;
  readonly write: (body: Uint8Array, more?: Readonly<Record<string, string>>) => Promise<RigAnswer>;
  /** A socket on which the head of a batch is sent, and so many octets of its body. */
  readonly begin: (announced: number, octets: number) => Promise<Socket>;
  readonly stop: () => Promise<void>;
}

const AWAY: Database = {
  query: () => Promise.reject(new WeirError('database_unreachable', 'There is none here.')),
  transaction: () => Promise.reject(new WeirError('database_unreachable', 'There is none here.')),
};

export async function startIngestRig(options: IngestRigOptions = {}): Promise<IngestRig> {
  const { reporter } = silentReporter();
  const clock = new SystemClock();
  const folder = options.journalFolder ?? mkdtempSync(path.join(tmpdir(), 'weir-ingest-'));
  const bounds = { maxBytes: 1e9, reserveBytes: 0, maxPendingBytes: 1e9 };
  const opened = openJournal(reporter, { folder, ...bounds }, { freeBytes: () => 1e12 });
  const journal = new BatchJournal(opened);
  const server = createServer(reporter, {
    maxBodyBytes: 1024,
    authenticator: { authenticate: async () => ({ name: 'agent-1', role: 'agent', scope: null }) },
    ...(options.requestTimeoutMs === undefined ? {} : { requestTimeoutMs: options.requestTimeoutMs }),
  });
  const encodings = new BodyEncodings(options.unpackers ?? unpackersOf());
  const superseded = new Superseded(reporter, { clock, database: AWAY, tell: async () => undefined });
  const ingest = new BatchIngest(reporter, {
    clock,
    journal,
    streams: new StreamTable(),
    marks: new AppliedMarks(reporter, { read: async () => [], onApplied: () => undefined }),
    agents: new AgentStates(reporter, { clock, database: AWAY, superseded }),
    superseded,
    assigned: { mayWrite: () => true, learnt: true },
    appliedContent: async () => null,
    onKept: () => undefined,
  });
  const points = new PointIngest(reporter, { clock, journal, encodings, onKept: () => undefined });
  const inFlight = new InFlight(reporter, { maxBodies: 256, maxBytes: 128 * 1024 * 1024, ...options.limits });
  const maxBatchBytes = options.maxBatchBytes ?? 64 * 1024 * 1024;
  const taking = {
    clock,
    inFlight,
    encodings,
    cutOff: new CutOff(reporter),
    backlogBytes: () => 0,
    maxBacklogBytes: 1,
  };
  addIngestRoutes(server, { ...taking, ingest, maxBatchBytes });
  addPointRoutes(server, { ...taking, points });
  await listen(server, '127.0.0.1', 0);
  const address = server.addresses()[0];
  const port = typeof address === 'object' ? address.port : 0;
  let sequence = 0;

  async function ask(place: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<RigAnswer> {
    const url = `http://127.0.0.1:${port}${place}`;
    const answer = await fetch(url, {
      method: 'POST',
      body: new Uint8Array(body),
      headers: { authorization: 'Bearer x', ...headers },
    });
    const text = await answer.text();
    const told = (text === '' ? {} : JSON.parse(text)) as { error?: { code: string } };
    return {
      status: answer.status,
      retryAfter: answer.headers.get('retry-after'),
      code: told.error?.code ?? null,
      body: told as Record<string, unknown>,
    };
  }

  return {
    port,
    journal,
    metric: async (line) => {
      const found = (await reporter.metricsText()).split('\n').find((one) => one.startsWith(`${line} `));
      return found === undefined ? null : Number(found.slice(line.length + 1));
    },
    post: (batch, more = {}, sent = batch) => {
      sequence += 1;
      return ask('/api/v1/batches', sent, { ...batchHeaders(sequence, batch), ...more });
    },
    write: (body, more = {}) => ask('/api/v2/write?precision=ms', body, { 'content-type': 'text/plain', ...more }),
    begin: async (announced, octets) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve));
      const headers = {
        ...batchHeaders(1, new Uint8Array(1)),
        authorization: 'Bearer x',
        host: 'localhost',
        'content-length': String(announced),
      };
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`POST /api/v1/batches HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write(Buffer.alloc(octets));
      return socket;
    },
    stop: async () => {
      await server.close();
      await opened.close();
      if (options.journalFolder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function batchHeaders(sequence: number, batch: Uint8Array): Record<string, string> {
  return {
    'content-type': 'application/vnd.weir.batch',
    'weir-agent': 'agent-1',
    'weir-incarnation': 'incarnation-1',
    'weir-sequence': String(sequence),
    'weir-sha256': createHash('sha256').update(batch).digest('hex'),
    'weir-sent-at': String(Date.now()),
  };
}
