// E-mail over SMTP: one alarm is one thread, and a repeat after a crash has the same Message-ID.
import { createTransport } from 'nodemailer';
import type { DurationMs } from '../../../common/model/time.ts';
import { resolveSecret } from '../../../common/runtime/secrets.ts';
import { bodyOf, titleOf } from '../message-text.ts';
import type { Message } from '../told.ts';
import { type Channel, type ChannelDeps, failureOf, refused, unsure } from './channel.ts';

export interface EmailConfig {
  readonly host: string;
  readonly port: number;
  /** starttls: asked for, and nothing is sent where the server has it not; tls: from the first octet. */
  readonly security: 'none' | 'starttls' | 'tls';
  /** References; null without a sign-in. */
  readonly user: string | null;
  readonly password: string | null;
  readonly from: string;
  readonly to: readonly string[];
  readonly timeoutMs: DurationMs;
}

/** Until the text itself is sent nobody has it. The library says CONN also where the connection broke later. */
const BEFORE_TEXT = /^(EHLO|HELO|LHLO|STARTTLS|AUTH|MAIL|RCPT)/;

export class Email implements Channel {
  readonly #config: EmailConfig;
  readonly #deps: Pick<ChannelDeps, 'environment'>;

  constructor(config: EmailConfig, deps: Pick<ChannelDeps, 'environment'>) {
    this.#config = config;
    this.#deps = deps;
  }

  async send(message: Message): Promise<string | null> {
    const { from, to } = this.#config;
    const [thread] = message.threads;
    const transport = createTransport(this.#options());
    try {
      const { rejected } = await transport.sendMail({
        from,
        to: [...to],
        subject: titleOf(message),
        text: `${bodyOf(message)}\n`,
        messageId: this.#idOf(message.key),
        date: new Date(message.createdAtMs),
        ...(thread === undefined
          ? {}
          : { inReplyTo: this.#idOf(thread), references: message.threads.map((key) => this.#idOf(key)) }),
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Weir-Key': message.key },
      });
      return rejected.length === 0 ? null : `${rejected.length} of ${to.length} recipients were refused`;
    } catch (error) {
      throw mailFailure(error);
    } finally {
      transport.close();
    }
  }

  #options() {
    const { host, port, security, user, password, timeoutMs } = this.#config;
    const { environment } = this.#deps;
    const auth = {
      user: user === null ? '' : resolveSecret(user, environment),
      pass: password === null ? '' : resolveSecret(password, environment),
    };
    return {
      host,
      port,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      ignoreTLS: security === 'none',
      ...(user === null ? {} : { auth }),
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    };
  }

  #idOf(key: string): string {
    const domain = /@([A-Za-z0-9.-]+)/.exec(this.#config.from)?.[1] ?? 'weir.invalid';
    return `<${key}@${domain}>`;
  }
}

function mailFailure(error: unknown): Error {
  if (!(error instanceof Error)) return failureOf(error);
  const command = 'command' in error && typeof error.command === 'string' ? error.command : '';
  const status = 'responseCode' in error && typeof error.responseCode === 'number' ? error.responseCode : null;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'failure';
  const what = status === null ? `SMTP: ${code}` : `SMTP: the server answers ${status}`;
  // An answer is a refusal, also one to the text.
  if (status !== null || BEFORE_TEXT.test(command)) return refused(what, error);
  // Nothing was sent before there was a connection.
  if ('syscall' in error && (error.syscall === 'connect' || error.syscall === 'getaddrinfo'))
    return refused(what, error);
  return unsure(what, error);
}
