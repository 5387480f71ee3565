// Syslog (RFC 5424) over UDP, or TCP with octet counting (RFC 6587); severities as RFC 5674 maps them.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { isoTime } from '../../../common/model/time.ts';
import type { Severity } from '../../faults/alarm.ts';
import { lineOf, titleOf } from '../message-text.ts';
import type { Message, ToldItem } from '../told.ts';
import { failureOf, refused, unsure } from '../../../common/send/send-failure.ts';
import type { Channel } from './channel.ts';

export interface SyslogConfig {
  readonly host: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
  readonly facility: number;
  /** Of this machine, as syslog calls it. */
  readonly hostname: string;
}

const SEVERITY: Readonly<Record<Severity | 'cleared', number>> = {
  critical: 1,
  major: 2,
  minor: 3,
  warning: 4,
  indeterminate: 5,
  cleared: 5,
};
/** What RFC 5424 asks every receiver to take. */
const MAX_OCTETS = 2048;
const MAX_VALUE = 200;

export class Syslog implements Channel {
  readonly #config: SyslogConfig;

  constructor(config: SyslogConfig) {
    this.#config = config;
  }

  async send(message: Message, signal: AbortSignal): Promise<null> {
    const lines = message.items.map((item) => this.lineOf(message, item));
    if (message.folded > 0) lines.push(this.#line(5, message, 'digest', titleOf(message), { key: message.key }));
    if (this.#config.transport === 'udp') await this.#overUdp(lines);
    else await this.#overTcp(lines, signal);
    return null;
  }

  /** One alarm of a message as it goes out. */
  lineOf(message: Message, item: ToldItem): Buffer {
    const severity = SEVERITY[item.kind === 'cleared' ? 'cleared' : item.severity];
    return this.#line(severity, message, item.alarmType, lineOf(item), {
      key: message.key,
      alarm: item.alarm,
      kind: item.kind,
      resource: item.resource,
      severity: item.severity,
    });
  }

  #line(
    severity: number,
    message: Message,
    name: string,
    text: string,
    values: Readonly<Record<string, string>>,
  ): Buffer {
    const { facility, hostname } = this.#config;
    const data = Object.entries(values).map(([key, value]) => ` ${key}="${escaped(value)}"`);
    const head = `<${facility * 8 + severity}>1 ${isoTime(message.createdAtMs)} ${hostname} weir - ${printable(name)} [weir@32473${data.join('')}] `;
    const line = Buffer.from(`${head}\ufeff${text}`);
    return line.length <= MAX_OCTETS ? line : wholeCharacters(line.subarray(0, MAX_OCTETS));
  }

  #overUdp(lines: readonly Buffer[]): Promise<void> {
    const { host, port } = this.#config;
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    return new Promise((resolve, reject) => {
      let left = lines.length;
      const end = (error: Error | null): void => {
        left -= 1;
        // After the first failure, and until the last line, there is nothing to do.
        if (left < 0 || (error === null && left > 0)) return;
        left = 0;
        socket.close();
        if (error === null) resolve();
        else reject(failureOf(error));
      };
      socket.on('error', (error) => reject(failureOf(error)));
      for (const line of lines) socket.send(line, port, host, end);
    });
  }

  #overTcp(lines: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const { host, port } = this.#config;
    return new Promise((resolve, reject) => {
      let connected = false;
      const socket = connect({ host, port, signal });
      socket.once('error', (error) =>
        reject(connected ? unsure('syslog: the connection broke', error) : before(error)),
      );
      socket.once('connect', () => {
        connected = true;
        // Everything is handed over once the other side has ended as well.
        socket.end(Buffer.concat(lines.flatMap((line) => [Buffer.from(`${line.length} `), line])));
      });
      socket.resume();
      socket.once('close', (failed) => {
        if (!failed) resolve();
      });
    });
  }
}

function before(error: Error): Error {
  const failure = failureOf(error);
  return failure.code === 'channel_refused' ? failure : refused('syslog: no connection', error);
}

function escaped(value: string): string {
  return value
    .slice(0, MAX_VALUE)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .replaceAll(/["\\\]]/g, (sign) => `\\${sign}`);
}

function printable(name: string): string {
  return name.replaceAll(/[^\u0021-\u007e]+/g, '-').slice(0, 32) || '-';
}

/** Without the octets of a character that was cut. */
function wholeCharacters(line: Buffer): Buffer {
  let end = line.length;
  while (end > 0 && ((line[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1;
  return (line[end - 1] ?? 0) >= 0xc0 ? line.subarray(0, end - 1) : line;
}
