// The way to a host by the tools of the machine: what traceroute, tracepath and ping print is read, a tool that is missing is said, nothing runs with a strange address.
import { beforeEach, describe, expect, test } from 'vitest';
import { PathTools, pingReport, systemTools, type ToolOutput, tracedReport } from '../../../agent/poll/path-tools.ts';
import { Turns } from '../../../agent/poll/turns.ts';

const TRACEROUTE = `traceroute to core1.example (192.0.2.9), 20 hops max, 60 byte packets
 1  10.0.0.1  0.412 ms
 2  *
 3  192.0.2.9  1.911 ms
`;
const TRACEPATH = ` 1?: [LOCALHOST]                      pmtu 1500
 1:  10.0.0.1                                              0.432ms
 1:  10.0.0.1                                              0.411ms
 2:  no reply
 3:  192.0.2.9                                             1.112ms reached
     Resume: pmtu 1500 hops 3 back 3
`;
const PING = `PING 192.0.2.9 (192.0.2.9) 56(84) bytes of data.

--- 192.0.2.9 ping statistics ---
5 packets transmitted, 4 received, 20% packet loss, time 812ms
rtt min/avg/max/mdev = 0.035/0.050/0.066/0.010 ms
`;
const MISSING: ToolOutput = { exitCode: null, output: '', missing: true };

let ran: string[];
let answers: Record<string, (args: readonly string[]) => ToolOutput>;
beforeEach(() => {
  ran = [];
  answers = {};
});

const tools = (): PathTools =>
  new PathTools(async (program, args) => {
    ran.push(program);
    return answers[program]?.(args) ?? MISSING;
  });
const { signal } = new AbortController();
const said =
  (output: string, exitCode = 0) =>
  (): ToolOutput => ({ exitCode, output, missing: false });

describe('the route', () => {
  test('by traceroute where there is one', async () => {
    answers = { traceroute: said(TRACEROUTE) };
    expect(await tools().route('core1.example', signal)).toEqual({
      tool: 'traceroute',
      reached: true,
      hops: ['1: 10.0.0.1 0.412 ms', '2: *', '3: 192.0.2.9 1.911 ms'],
    });
    expect(ran).toEqual(['traceroute']);
  });

  test('else by tracepath, else by ping with growing time to live', async () => {
    answers = { tracepath: said(TRACEPATH) };
    expect(await tools().route('192.0.2.9', signal)).toEqual({
      tool: 'tracepath',
      reached: true,
      hops: ['1: 10.0.0.1 0.411ms', '2: *', '3: 192.0.2.9 1.112ms reached'],
    });
    answers = {
      ping: (args) => {
        const ttl = Number(args[args.indexOf('-t') + 1]);
        return ttl < 3
          ? { exitCode: 1, output: `From 10.0.0.${ttl} icmp_seq=1 Time to live exceeded`, missing: false }
          : { exitCode: 0, output: '64 bytes from 192.0.2.9: icmp_seq=1 ttl=62 time=1.5 ms', missing: false };
      },
    };
    expect(await tools().route('192.0.2.9', signal)).toEqual({
      tool: 'ping',
      reached: true,
      hops: ['1: 10.0.0.1', '2: 10.0.0.2', '3: 192.0.2.9 1.5 ms'],
    });
  });

  test('ends behind hops that say nothing, and says where there is no tool at all', async () => {
    answers = { ping: said('', 1) };
    expect(await tools().route('192.0.2.9', signal)).toMatchObject({
      reached: false,
      hops: ['1: *', '2: *', '3: *', '4: *'],
    });
    answers = {};
    const none = await tools().route('192.0.2.9', signal);
    expect([none.tool, none.note]).toEqual(['none', expect.stringContaining('install one')]);
  });

  test('hostile output is bounded in hops and length', () => {
    const output = Array.from({ length: 500 }, (_, at) => `${at + 1} ${'x'.repeat(5000)}`).join('\n');
    const { hops, reached } = tracedReport('traceroute', output);
    expect([hops.length, Math.max(...hops.map(({ length }) => length)) < 130, reached]).toEqual([20, true, false]);
  });
});

test('ping tells loss and times; without it the error says what is missing', async () => {
  expect(pingReport(PING)).toEqual({
    sent: 5,
    received: 4,
    roundTripMs: { least: '0.035', mean: '0.050', most: '0.066' },
  });
  expect(pingReport('5 packets transmitted, 0 packets received, 100% packet loss')).toEqual({
    sent: 5,
    received: 0,
    roundTripMs: null,
  });
  await expect(tools().ping('192.0.2.9', signal)).rejects.toMatchObject({ code: 'tool_missing' });
});

test.for(['-f', '--help', '$(reboot)', 'a b', ''])('what is no address is given to no tool: %s', async (host) => {
  answers = { ping: said(PING), traceroute: said(TRACEROUTE) };
  await expect(tools().ping(host, signal)).rejects.toMatchObject({ code: 'address_invalid' });
  await expect(tools().route(host, signal)).rejects.toMatchObject({ code: 'address_invalid' });
  expect(ran).toEqual([]);
});

test('a few at a time, the next as one ends, and no more wait than may', async () => {
  const turns = new Turns(2, 1);
  const ends: (() => void)[] = [];
  const work = (): Promise<void> => turns.take(() => new Promise((resolve) => ends.push(resolve)));
  const running = [work(), work(), work()];
  expect(ends).toHaveLength(2);
  await expect(work()).rejects.toMatchObject({ code: 'overloaded' });
  ends[0]?.();
  await running[0];
  await Promise.resolve();
  expect(ends).toHaveLength(3);
  for (const end of ends) end();
  await Promise.all(running);
});

test('a program that is not there is missing; one that is there is run without a shell', async () => {
  const run = systemTools(process.env['PATH']);
  const limits = { timeoutMs: 5000, signal };
  expect(await run('no-such-tool-of-weir', [], limits)).toMatchObject({ missing: true });
  expect(await run('echo', ['$HOME'], limits)).toEqual({ exitCode: 0, output: '$HOME\n', missing: false });
});
