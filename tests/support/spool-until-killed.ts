// A program that hands polls to a spool as fast as it keeps them, a minute apart by their own clock, telling each once it is kept, until it is killed.
import { Spool, SPOOL_DEFAULTS } from '../../agent/spool/spool.ts';
import { SystemClock } from '../../common/runtime/clock.ts';
import { createReporter } from '../../common/runtime/reporter.ts';
import { interfacePoll } from './poll-builder.ts';

const [folder = '', maxBytes = '0', from = '0'] = process.argv.slice(2);
const config = { ...SPOOL_DEFAULTS, agent: 'agent-1', folder, maxBytes: Number(maxBytes), maxAgeMs: 1e12, lingerMs: 1 };
const reporter = createReporter({ component: 'agent', level: 'silent' });
const spool = new Spool(reporter, config, { clock: new SystemClock() });
await spool.start();
for (let count = Number(from) + 1; ; count += 1) {
  const atMs = Date.UTC(2026, 10, 24) + count * 60_000;
  const octets = { inOctets: BigInt(count), outOctets: BigInt(count) };
  const polls = ['a', 'b', 'c'].map((device) =>
    interfacePoll({ device, atMs, interfaces: [{ key: 'eth0', ...octets, speedBps: 1e9 }] }),
  );
  await Promise.all(polls.map((poll) => spool.accept(poll, { device: poll.device, completeUntilMs: atMs })));
  process.stdout.write(`${count}\n`);
}
